/** Something that the user can put right. Its message is printed alone, without a stack. */
export class Unprepared extends Error {
  constructor(message, exitCode = 1) {
    super(message);
    this.name = 'Unprepared';
    this.exitCode = exitCode;
  }
}
