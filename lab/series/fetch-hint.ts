/** How to fetch the posted patches: by message id, else by searching the list archive for the title. */
export function fetchHint(title: string, messageId?: string): string {
  const id = messageId?.replace(/[<>]/g, '');
  const search = `https://lore.kernel.org/all/?q=${encodeURIComponent(`s:"${title}"`)}`;
  const from = id
    ? `https://lore.kernel.org/all/${id}/t.mbox.gz`
    : `t.mbox.gz of the thread in the list archive (find it: ${search})`;
  return `fetch ${from}, or run: b4 am ${id ?? 'MESSAGE-ID'}`;
}
