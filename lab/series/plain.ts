/**
 * A header value without control characters, which encoded words and encoded bodies can have: a line break in a name would end a
 * header of what is exported, or a line of what is printed.
 */
export const plain = (value: string): string => value.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').trim();
