/** A text that training data must not contain. */
export interface ReferenceText {
  /** Names it in messages, e.g. `mini/py-find-users`. Texts of one problem share it. */
  readonly reference: string;
  readonly text: string;
}

export interface ContaminationHit {
  readonly reference: string;
  /** `copy`: words in a row. `paraphrase`: the same task in other words. */
  readonly kind: 'copy' | 'paraphrase';
  /** What both texts have: the words in a row, or the telling words in the order of their weight. */
  readonly words: string;
}
