/** What `secpi plan` knows of a GPU. */
export interface Card {
  /** As a person calls it. */
  readonly title: string;
  /**
   * GiB that a program can have at most, as PyTorch gives a card's total capacity in its out-of-memory messages: less than what is printed on
   * the box, and with error correction on, where the card has that in its memory.
   */
  readonly gib: number;
  /** Dense bfloat16 matrix products with float32 accumulation, 10^12 operations per second; never the figure "with sparsity". */
  readonly bf16Tflops: number;
}

/**
 * Cards by the names that a recipe gives them. Rates are half of the "with sparsity" figures of NVIDIA's data sheets, or their dense ones:
 * A100 (2021), H100 and H200 (SXM), HGX B200, L4, L40S, RTX A6000; for GeForce cards, those of NVIDIA's architecture white papers
 * (Ampere GA102, Ada, Blackwell). PCIe and NVL versions of the H100 are slower.
 */
export const CARDS = {
  b200: { title: 'B200', gib: 178.3, bf16Tflops: 2250 },
  h200: { title: 'H200', gib: 139.8, bf16Tflops: 989 },
  'h100-80': { title: 'H100 80 GB', gib: 79.1, bf16Tflops: 989 },
  'a100-80': { title: 'A100 80 GB', gib: 79.1, bf16Tflops: 312 },
  'a100-40': { title: 'A100 40 GB', gib: 39.4, bf16Tflops: 312 },
  'l40s-48': { title: 'L40S', gib: 44.4, bf16Tflops: 362 },
  'a6000-48': { title: 'RTX A6000', gib: 47.4, bf16Tflops: 155 },
  'rtx-5090': { title: 'GeForce RTX 5090', gib: 31.4, bf16Tflops: 209 },
  'rtx-4090': { title: 'GeForce RTX 4090', gib: 23.6, bf16Tflops: 165 },
  'rtx-3090': { title: 'GeForce RTX 3090', gib: 23.6, bf16Tflops: 71 },
  'l4-24': { title: 'L4', gib: 22, bf16Tflops: 121 },
} as const satisfies Readonly<Record<string, Card>>;

export type CardName = keyof typeof CARDS;

export const CARD_NAMES = Object.keys(CARDS) as [CardName, ...CardName[]];
