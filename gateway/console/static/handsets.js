// Keeps the phones up to date: the stream says that something changed, and what is new is taken from a fresh page.
// Without script, or without the stream, the page works by its forms and by reloading.
(() => {
  "use strict";
  const board = document.querySelector("[data-live]");
  if (!board || !window.EventSource) return;
  const light = document.querySelector("[data-live-state]");
  let asking = false;
  let again = false;

  const show = (live) => {
    light.hidden = false;
    light.textContent = live ? "Live" : "Not connected";
    light.classList.toggle("off", !live);
  };

  const toEnd = (talk) => { talk.scrollTop = talk.scrollHeight; };

  const mergeTalk = (old, fresh) => {
    const atEnd = old.scrollHeight - old.scrollTop - old.clientHeight < 40;
    const kept = new Set([...fresh.children].map((item) => item.id));
    for (const item of [...old.children]) if (!item.id || !kept.has(item.id)) item.remove();
    for (const item of [...fresh.children]) {
      const known = item.id && document.getElementById(item.id);
      if (!known) old.append(item);
      else if (known.outerHTML !== item.outerHTML) known.replaceWith(item);
    }
    if (atEnd) toEnd(old);
  };

  const mergePhone = (old, fresh) => {
    mergeTalk(old.querySelector(".talk"), fresh.querySelector(".talk"));
    const [select, options] = [old.querySelector("select"), fresh.querySelector("select")];
    if (!select || !options || select === document.activeElement) return;
    const chosen = select.value;
    select.replaceChildren(...options.children);
    if ([...select.options].some((option) => option.value === chosen)) select.value = chosen;
  };

  const merge = (page) => {
    const fresh = page.querySelector("[data-live]");
    if (!fresh) return location.reload(); // signed out, or the simulated carrier was turned off
    for (const phone of [...fresh.querySelectorAll(".phone")]) {
      const known = document.getElementById(phone.id);
      if (known) mergePhone(known, phone);
      else { board.prepend(phone); toEnd(phone.querySelector(".talk")); }
    }
    if (board.querySelector(".phone")) board.querySelector(".empty")?.remove();
  };

  const parse = async (response) => new DOMParser().parseFromString(await response.text(), "text/html");

  const refresh = async () => {
    if (asking) { again = true; return; }
    asking = true;
    try {
      do { again = false; merge(await parse(await fetch(location.href))); } while (again);
    } catch { /* the server is away: the stream comes back by itself and asks again */ }
    asking = false;
  };

  const send = async (form) => {
    const response = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    const page = await parse(response);
    if (response.ok) {
      form.elements.text.value = "";
      merge(page);
    } else {
      const id = form.closest(".phone").id;
      const fresh = page.getElementById(id);
      if (!fresh) return location.reload();
      document.getElementById(id).replaceWith(fresh);
      toEnd(fresh.querySelector(".talk"));
      fresh.querySelector("[aria-invalid]")?.focus();
    }
  };

  board.addEventListener("submit", (event) => {
    event.preventDefault();
    const form = event.target;
    const button = form.querySelector("button");
    button.disabled = true;
    send(form).catch(() => show(false)).finally(() => { button.disabled = false; }); // what was typed stays
  });

  const news = new EventSource(board.dataset.live);
  news.addEventListener("open", () => { show(true); refresh(); });
  news.addEventListener("error", () => show(false));
  news.addEventListener("changed", refresh);
  for (const talk of board.querySelectorAll(".talk")) toEnd(talk);
})();
