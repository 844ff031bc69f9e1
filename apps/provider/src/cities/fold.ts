/** Letters that Unicode does not take apart into a base letter and a mark. */
const PLAIN: Readonly<Record<string, string>> = {
  æ: 'ae',
  đ: 'd',
  ð: 'd',
  ə: 'e',
  ħ: 'h',
  ı: 'i',
  ł: 'l',
  ø: 'o',
  œ: 'oe',
  ß: 'ss',
  þ: 'th',
};

/**
 * What a name and what someone types are compared by: `Łódź` and `lodz`, `Saint-Denis` and `saint denis`, `’Unābah` and
 * `unabah` are the same.
 */
export function fold(text: string): string {
  return text
    .normalize('NFD')
    .toLowerCase()
    .replace(/\p{M}/gu, '')
    .replace(/[æđðəħıłøœßþ]/g, (letter) => PLAIN[letter] ?? letter)
    .replace(/['’‘ʼ`]/g, '')
    .replace(/[-\s]+/g, ' ')
    .trimStart();
}
