const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~';

/** Four bytes as five digits. */
function digits(word: number): string {
  let text = '';
  for (let value = word; text.length < 5; value = Math.floor(value / 85))
    text = `${ALPHABET[value % 85]}${text}`;
  return text;
}

/** Binary data of a patch as git writes it (base85.c), in lines of 52 bytes, of which the first letter is the length. */
export function base85(bytes: Buffer): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 52) {
    const part = bytes.subarray(at, at + 52);
    const padded = Buffer.concat([part, Buffer.alloc((4 - (part.length % 4)) % 4)]);
    let line = String.fromCharCode(part.length <= 26 ? 64 + part.length : 70 + part.length);
    for (let word = 0; word < padded.length; word += 4) line += digits(padded.readUInt32BE(word));
    lines.push(line);
  }
  return lines.join('\n');
}
