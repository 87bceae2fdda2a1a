/**
 * A value that a publish inlines (PROTOCOL §11), as the text it was written in: checked, and never made into a value.
 */
export class InlinedJson {
  constructor(readonly text: string) {}
}
