// Runs in every measured page before the app's own scripts. Counts WebSocket payload and notes when
// an answer's text grows or shrinks. Times are performance.now(); bench/browser.py converts them.
(() => {
  const MESSAGE = '[data-testid="stChatMessage"]';
  const TEXT = '[data-testid="stMarkdown"]';
  const now = () => performance.now();
  const probe = (window.__bench = { socketBytes: 0, enters: [], clicks: [], watched: null });

  const size = (data) => (typeof data === "string" ? data.length : data.byteLength ?? data.size ?? 0);
  const Socket = window.WebSocket;
  window.WebSocket = class WebSocket extends Socket {
    constructor(...args) {
      super(...args);
      super.addEventListener("message", (event) => { probe.socketBytes += size(event.data); });
    }
  };
  addEventListener("keydown", (e) => { if (e.key === "Enter") probe.enters.push(e.timeStamp); }, true);
  addEventListener("pointerdown", (e) => { probe.clicks.push(e.timeStamp); }, true);

  // The Markdown of the newest message from BEGIN-<id> to END-<id>: status lines, buttons and figures
  // around the answer come and go and are not its text.
  const answer = (begin, end) => {
    const messages = document.querySelectorAll(MESSAGE);
    if (!messages.length) return "";
    let text = "";
    for (const part of messages[messages.length - 1].querySelectorAll(TEXT)) text += part.textContent;
    const at = text.indexOf(begin), stop = text.lastIndexOf(end);
    return at < 0 ? "" : text.slice(at, stop < 0 ? undefined : stop + end.length);
  };

  // Begins to watch for the answer with this id.
  probe.watch = (id) => {
    const begin = `BEGIN-${id}`, end = `END-${id}`;
    const w = (probe.watched = {
      first: null, last: null, changed: null, length: 0, longest: 0, shrinks: [], gaps: [], own: 0,
      enter: probe.enters.length, click: probe.clicks.length, bytes: probe.socketBytes, grown: null,
    });
    const look = () => {
      const t = now(), text = answer(begin, end);
      w.changed = t;
      if (text && w.first === null) w.first = t;
      // Completing half-open Markdown moves a few marker characters; that is no flicker.
      if (text.length < w.length - 3) w.shrinks.push([w.length, text.length, t]);
      if (text.length > w.longest) {
        w.longest = text.length;
        if (w.grown !== null) w.gaps.push(t - w.grown);
        w.grown = t;
      }
      w.length = text.length;
      if (w.last === null && text.endsWith(end)) w.last = t;
      w.own += now() - t;
    };
    new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true });
  };

  const until = (test, limit) => new Promise((done) => {
    const deadline = now() + limit;
    const step = () => {
      const value = test();
      if (value || now() > deadline) done(value || null);
      else setTimeout(step, 25);
    };
    step();
  });
  // Resolves when the end was seen and nothing has changed for `quiet` ms.
  probe.settled = (quiet, limit) =>
    until(() => probe.watched.last !== null && now() - probe.watched.changed >= quiet, limit);
  probe.result = () => {
    const w = probe.watched;
    return {
      ...w,
      submitted: probe.enters[w.enter] ?? null,
      clicked: probe.clicks[w.click] ?? null,
      bytes: probe.socketBytes - w.bytes,
    };
  };

  const shown = (selector) => {
    const found = document.querySelectorAll(selector), element = found[found.length - 1];
    if (!element) return null;
    const box = element.getBoundingClientRect();
    const hidden = getComputedStyle(element).visibility === "hidden";
    return box.width > 0 && box.height > 0 && !hidden && !element.disabled ? element : null;
  };
  probe.usable = (selector, limit) => until(() => shown(selector) && now(), limit);
  probe.middle = (selector) => {
    const element = shown(selector);
    if (!element) return null;
    element.scrollIntoView({ block: "nearest" });
    const box = element.getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
  };
  // Resolves with the time at which the newest of at least `count` messages matches the pattern.
  probe.says = (pattern, count, limit) => until(() => {
    const messages = document.querySelectorAll(MESSAGE), newest = messages[messages.length - 1];
    return messages.length >= count && new RegExp(pattern).test(newest.textContent) && now();
  }, limit);
})();
