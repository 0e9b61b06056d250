/** The numbers of binary data, the lowest byte first. */
import {
  elementBytes,
  TYPE_BF16,
  TYPE_BOOL,
  TYPE_FP16,
  TYPE_FP32,
  TYPE_FP64,
  TYPE_INT8,
  TYPE_INT16,
  TYPE_INT32,
  TYPE_INT64,
  TYPE_UINT8,
  TYPE_UINT16,
  TYPE_UINT32,
  TYPE_UINT64,
} from './datatype.ts';
import { NumberSource } from './number-source.ts';

const TWO_TO_32: f64 = 4294967296;

export class RawNumbers extends NumberSource {
  private view: DataView;
  private size: i32;
  private datatype: i32;
  private step: i32;
  private at: i32 = 0;
  /** Where the upper half of an f32 is completed. */
  private single: DataView = new DataView(new ArrayBuffer(4), 0, 4);

  /** Bytes `from` to `to` of `bytes`, which has them. */
  constructor(bytes: Uint8Array, from: i32, to: i32, datatype: i32) {
    super();
    this.view = new DataView(bytes.buffer, bytes.byteOffset + from, to - from);
    this.size = to - from;
    this.datatype = datatype;
    this.step = elementBytes(datatype);
  }

  next(): boolean {
    if (this.step == 0 || this.at + this.step > this.size) return false;
    const at = this.at;
    const view = this.view;
    this.at += this.step;
    this.high = 0;
    switch (this.datatype) {
      case TYPE_BOOL:
        this.low = view.getUint8(at) == 0 ? 0 : 1;
        break;
      case TYPE_UINT8:
        this.low = f64(view.getUint8(at));
        break;
      case TYPE_UINT16:
        this.low = f64(view.getUint16(at, true));
        break;
      case TYPE_UINT32:
        this.low = f64(view.getUint32(at, true));
        break;
      case TYPE_UINT64:
        this.low = f64(view.getUint32(at, true));
        this.high = f64(view.getUint32(at + 4, true));
        break;
      case TYPE_INT8:
        this.signed(f64(view.getInt8(at)));
        break;
      case TYPE_INT16:
        this.signed(f64(view.getInt16(at, true)));
        break;
      case TYPE_INT32:
        this.signed(f64(view.getInt32(at, true)));
        break;
      case TYPE_INT64:
        this.low = f64(view.getUint32(at, true));
        this.high = f64(view.getInt32(at + 4, true));
        break;
      case TYPE_FP16:
        this.low = halfValue(i32(view.getUint16(at, true)));
        break;
      case TYPE_BF16:
        this.single.setUint16(2, view.getUint16(at, true), true);
        this.low = f64(this.single.getFloat32(0, true));
        break;
      case TYPE_FP32:
        this.low = f64(view.getFloat32(at, true));
        break;
      case TYPE_FP64:
        this.low = view.getFloat64(at, true);
        break;
      default:
        return false;
    }
    return true;
  }

  /** The lower half of a negative number counts up from -2^32. */
  private signed(value: f64): void {
    this.high = value < 0 ? -1 : 0;
    this.low = value < 0 ? value + TWO_TO_32 : value;
  }
}

/** A number of five bits of exponent and ten of fraction. */
function halfValue(bits: i32): f64 {
  const sign: f64 = (bits & 0x8000) != 0 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent == 0x1f) return fraction != 0 ? NaN : sign * Infinity;
  if (exponent == 0) return (sign * f64(fraction)) / f64(1 << 24);
  const scaled = sign * f64(fraction | 0x400);
  return exponent >= 25 ? scaled * f64(1 << (exponent - 25)) : scaled / f64(1 << (25 - exponent));
}
