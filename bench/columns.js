// Added to probe.js on the Compare page: when did the answer in each column grow.
(() => {
  const CELL = '[data-testid="stGridCell"]';
  const now = () => performance.now();
  __bench.watchColumns = (id) => {
    const begin = `BEGIN-${id}`, end = `END-${id}`;
    const watched = (__bench.columns = {
      cells: new Map(), own: 0, enter: __bench.enters.length, bytes: __bench.socketBytes, changed: 0,
    });
    const look = () => {
      const t = now();
      for (const cell of document.querySelectorAll(CELL)) {
        const text = cell.textContent, at = text.indexOf(begin);
        if (at < 0) continue;
        const stop = text.lastIndexOf(end);
        const length = (stop < 0 ? text.length : stop) - at;
        let seen = watched.cells.get(cell);
        if (!seen) watched.cells.set(cell, (seen = { first: t, last: null, grown: t, length, gaps: [] }));
        if (seen.last === null && length > seen.length) {
          seen.gaps.push(t - seen.grown);
          seen.grown = t;
          seen.length = length;
        }
        if (seen.last === null && stop >= 0) seen.last = t;
      }
      watched.changed = t;
      watched.own += now() - t;
    };
    new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true });
  };
  // Resolves when `count` columns have their end and nothing changed for `quiet` ms.
  __bench.columnsSettled = (count, quiet, limit) => new Promise((done) => {
    const deadline = now() + limit;
    const step = () => {
      const w = __bench.columns, cells = [...w.cells.values()];
      const ended = cells.filter((seen) => seen.last !== null).length === count;
      if ((ended && now() - w.changed >= quiet) || now() > deadline) {
        done({
          cells, own: w.own, submitted: __bench.enters[w.enter] ?? null,
          bytes: __bench.socketBytes - w.bytes,
        });
      } else setTimeout(step, 25);
    };
    step();
  });
})();
