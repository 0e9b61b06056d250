/** Something that the user can put right. Its message is printed alone, without a stack. */
export class QuickstartProblem extends Error {
  override readonly name = 'QuickstartProblem';
}
