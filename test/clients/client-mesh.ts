/** A mesh whose resources are all in force, which is all that a client may rely on. */
import { startMesh, type TestMesh } from '../harness/mesh.ts';

export async function startClientMesh(yaml: string): Promise<TestMesh> {
  const mesh = await startMesh({ files: { 'mesh.yaml': yaml } });
  try {
    await mesh.whenStatus(({ objects }) =>
      objects.every(({ conditions }) =>
        conditions.some(({ type, status }) => type === 'Programmed' && status === 'True'),
      ),
    );
    return mesh;
  } catch (error) {
    await mesh.stop();
    throw error;
  }
}

/** `127.0.0.1:PORT`, as clients want it that add the scheme themselves. */
export function authority(mesh: TestMesh): string {
  return new URL(mesh.url).host;
}
