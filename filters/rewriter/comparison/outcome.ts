/** What comes of comparing two answers. */

export const AGREE: i32 = 0;
export const DISAGREE: i32 = 1;
/** One of them failed, is too long, cannot be read, or is of another kind than the other. */
export const INCOMPARABLE: i32 = 2;
