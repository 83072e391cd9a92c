/** A share as a percentage with its sign: `+4.2%`, `−0.35%`; a minus sign, so that columns of figures are aligned. */
export function signedPercent(share: number): string {
  const percent = Math.abs(share * 100);
  const digits = percent >= 100 ? 0 : percent >= 1 ? 1 : 2;
  const text = percent.toFixed(digits);
  const sign = Number(text) === 0 ? '' : share < 0 ? '−' : '+';
  return `${sign}${text}%`;
}

/** A figure with at most four significant digits, thousands apart: `12,560`, `0.125`. */
export const figureText = (value: number): string =>
  Math.abs(value) >= 1000
    ? Math.round(value).toLocaleString('en-US')
    : Number(value.toPrecision(4)).toLocaleString('en-US', { maximumSignificantDigits: 4 });
