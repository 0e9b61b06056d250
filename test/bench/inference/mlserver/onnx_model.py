"""MLServer has no runtime for ONNX models: this is one, with as little between its codecs and onnxruntime as they allow."""

import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class OnnxModel(MLModel):
    """Runs the model at `parameters.uri` on one thread."""

    async def load(self) -> bool:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            self.settings.parameters.uri, options, providers=["CPUExecutionProvider"]
        )
        self._outputs = [output.name for output in self._session.get_outputs()]
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        # The codec alone: looking up how each input would like to be decoded costs more than the model.
        feeds = {tensor.name: NumpyCodec.decode_input(tensor) for tensor in payload.inputs}
        values = self._session.run(self._outputs, feeds)
        outputs = [
            NumpyCodec.encode_output(name, value)
            for name, value in zip(self._outputs, values)
        ]
        return InferenceResponse(
            model_name=self.name, model_version=self.version, outputs=outputs
        )
