// The filters of the page. Without this script the page shows everything; with it, the address holds the state of the filters.
// Guest, suite, kernel and name say which tests are looked at, and the counts follow them; the kinds of change only hide rows.
(() => {
  const form = document.getElementById('filters');
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const rows = all('[data-guest]:not([data-costs])');
  const tables = all('[data-sortable] tbody');
  const FIELDS = ['test', 'guest', 'suite', 'kernel', 'sort'];

  const read = () => {
    const data = new FormData(form);
    const state = { kind: data.getAll('kind') };
    for (const field of FIELDS) state[field] = data.get(field) ?? '';
    state.test = state.test.trim().toLowerCase();
    return state;
  };

  const nameOf = (row) => row.querySelector('[data-name]')?.textContent.toLowerCase();

  const isOfPlace = ({ dataset }, { guest, suite, kernel }) =>
    (guest === '' || dataset.guest === guest) &&
    (suite === '' || dataset.suite === suite) &&
    (kernel === '' || dataset.kernel === undefined || dataset.kernel.split(' ').includes(kernel));

  /** Whether a row belongs to the tests that are looked at. Rows of whole cells have no name. */
  const isLookedAt = (row, state) =>
    isOfPlace(row, state) && (state.test === '' || (nameOf(row) ?? state.test).includes(state.test));

  /** Filters the names of a cell's list. Returns how many are left. */
  const filterNames = (cell, { test }) => {
    const names = all('li', cell);
    for (const name of names) name.hidden = test !== '' && !name.textContent.toLowerCase().includes(test);
    return names.filter((name) => !name.hidden).length;
  };

  /** How many tests of a row are looked at. */
  const countOf = (row, state) => {
    if (row.matches('.cell-tests')) return isOfPlace(row, state) ? filterNames(row, state) : 0;
    return isLookedAt(row, state) ? 1 : 0;
  };

  const filterRows = (state) => {
    const counts = new Map();
    for (const row of rows) {
      const { kind } = row.dataset;
      const count = countOf(row, state);
      if (kind) counts.set(kind, (counts.get(kind) ?? 0) + count);
      const isHidden = row.closest('[data-group]') && state.kind.length > 0 && !state.kind.includes(kind);
      row.hidden = count === 0 || Boolean(isHidden);
    }
    for (const group of all('[data-costs]'))
      group.hidden = all('tr[data-guest]', group).every((row) => row.hidden);
    return counts;
  };

  const countGroups = (counts) => {
    for (const group of all('[data-group]')) {
      const { group: kind } = group.dataset;
      const count = counts.get(kind) ?? 0;
      group.hidden = all('[data-kind]', group).every((row) => row.hidden);
      for (const element of all('[data-count]', group)) element.textContent = count.toLocaleString('en-US');
    }
    for (const element of all('[data-kind-count]'))
      element.textContent = (counts.get(element.dataset.kindCount) ?? 0).toLocaleString('en-US');
    const groups = all('[data-group]');
    const none = document.getElementById('none-match');
    if (none) none.hidden = groups.length === 0 || groups.some((group) => !group.hidden);
    form.elements.shown.textContent = none?.hidden === false ? none.textContent : '';
  };

  const sortTables = (sort) => {
    const keys = {
      workload: (row) => Number(row.dataset.order),
      change: (row) => -Number(row.dataset.change),
    };
    const keyOf = keys[sort] ?? ((row) => -Number(row.dataset.significance));
    for (const table of tables) table.append(...[...table.rows].sort((a, b) => keyOf(a) - keyOf(b)));
  };

  const remember = (state) => {
    const query = new URLSearchParams();
    for (const field of FIELDS) if (state[field] !== '') query.set(field, state[field]);
    for (const kind of state.kind) query.append('kind', kind);
    const text = query.toString();
    history.replaceState(null, '', `${location.pathname}${text === '' ? '' : `?${text}`}${location.hash}`);
  };

  const restore = (query) => {
    for (const field of FIELDS) if (form.elements[field]) form.elements[field].value = query.get(field) ?? '';
    const kinds = query.getAll('kind');
    for (const box of all('[name=kind]', form)) box.checked = kinds.includes(box.value);
  };

  const apply = () => {
    const state = read();
    countGroups(filterRows(state));
    sortTables(state.sort);
    remember(state);
  };

  form.hidden = false;
  restore(new URLSearchParams(location.search));
  if (location.search !== '') apply();
  form.addEventListener('input', apply);
  form.addEventListener('submit', (event) => event.preventDefault());
  // The browser would reset the fields after this event, when it is too late to apply them.
  form.addEventListener('reset', (event) => {
    event.preventDefault();
    restore(new URLSearchParams());
    apply();
  });
})();
