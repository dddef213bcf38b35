/** Names that no operation of the matrix has, by why they have none; with a word about each. */
export const reasons = {} as const;
