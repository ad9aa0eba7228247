// Small things every page does: "/" goes to the search box, charts are drawn in the theme's colours.
(() => {
  "use strict";

  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    const search = document.querySelector("[data-search]");
    if (search) {
      event.preventDefault();
      search.focus();
      search.select();
    }
  });

  // One key does what one button or link says: data-key names the key.
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.target.closest("input, textarea, select, button, a, [contenteditable]")) return;
    const wanted = [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key === event.key);
    if (wanted) {
      event.preventDefault();
      wanted.click();
    }
  });

  // On a narrow screen the tabs scroll sideways; the open one is the one to see.
  // This script runs before there is a page, and the strip is as wide as its words only once the style has come.
  window.addEventListener("load", () => {
    const tab = document.querySelector(".t-tabs [aria-current]");
    if (!tab) return;
    const strip = tab.parentElement;
    const [inside, around] = [tab.getBoundingClientRect(), strip.getBoundingClientRect()];
    strip.scrollLeft += inside.left - around.left - (around.width - inside.width) / 2;
  });

  // A menu closes when the reader goes elsewhere.
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.t-menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });

  // What is shown once: a click selects it, the button beside it copies it, and says so. data-copy: the text, or the id
  // of the element that holds it.
  document.addEventListener("click", async (event) => {
    if (event.target.matches("[data-select]")) event.target.select();
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = document.getElementById(button.dataset.copy) || button.parentElement.querySelector("[data-select]");
    const text = document.getElementById(button.dataset.copy) ? source.value ?? source.textContent : button.dataset.copy;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = button.dataset.copied;
    } catch {
      // Without HTTPS the browser gives no clipboard: mark the text, so that one key press copies it.
      if (source && source.select) source.select();
      else if (source) getSelection().selectAllChildren(source);
    }
  });

  // The frame's script expects a box of its own beside every file field, and fails on one without.
  document.addEventListener("change", (event) => {
    if (event.target.matches(".t-page input[type=file]")) event.stopPropagation();
  }, true);

  // A job tells how far it is; once it has ended, the page is loaded again and shows what became of it.
  function watch(box) {
    const bar = box.querySelector("progress");
    const put = (name, text) => {
      const place = box.querySelector(`[data-${name}]`);
      if (place) place.textContent = text;
    };
    const ask = async () => {
      let told;
      try {
        const answer = await fetch(box.dataset.job, { headers: { Accept: "application/json" } });
        if (!answer.ok) return;
        told = await answer.json();
      } catch {
        setTimeout(ask, 3000);
        return;
      }
      if (!told.alive) {
        window.location.reload();
        return;
      }
      if (told.percent === null) bar.removeAttribute("value");
      else bar.value = told.percent;
      put("state", told.state);
      put("step", told.step);
      put("count", told.total ? `${told.done.toLocaleString("en")} / ${told.total.toLocaleString("en")}` : "");
      box.querySelector("[data-unheard]").hidden = !told.unheard;
      setTimeout(ask, 700);
    };
    setTimeout(ask, 400);
  }
  // A field being made: its input and what belongs to its kind show as they will be.
  window.addEventListener("DOMContentLoaded", () => {
    const form = document.querySelector("[data-field-form]");
    if (!form) return;
    const kind = form.querySelector("[data-kind]");
    const said = (what) => {
      const chinese = document.documentElement.lang.startsWith("zh");
      const [en, zh] = ["en", "zh"].map((tongue) => form.elements[`${what}_${tongue}`].value.trim());
      return chinese ? zh || en : en || zh;
    };
    const show = () => {
      for (const box of form.querySelectorAll("[data-preview]")) box.hidden = box.dataset.preview !== kind.value;
      for (const box of form.querySelectorAll("[data-for-kinds]")) box.hidden = !box.dataset.forKinds.split(" ").includes(kind.value);
      for (const place of form.querySelectorAll("[data-says-name]")) place.textContent = said("name");
      for (const place of form.querySelectorAll("[data-says-help]")) place.textContent = said("help");
    };
    form.addEventListener("input", show);
    const more = form.querySelector("[data-add-row]");
    more.hidden = false;
    more.addEventListener("click", () => {
      const rows = more.parentElement.querySelector("tbody");
      const row = rows.lastElementChild.cloneNode(true);
      for (const input of row.querySelectorAll("input")) input.value = input.name === "choice_place" ? rows.children.length + 1 : "";
      rows.append(row);
      row.querySelector("[name=choice_en]").focus();
    });
    show();
  });

  // Rows are chosen: one box ticks all of the page, and what needs a choice waits for one.
  window.addEventListener("DOMContentLoaded", () => {
    for (const form of document.querySelectorAll("[data-choose]")) {
      const rows = [...form.querySelectorAll("input[name=row]")];
      const all = form.querySelector("[data-all]");
      const told = () => {
        const chosen = rows.filter((row) => row.checked).length;
        for (const button of form.querySelectorAll("[data-needs-choice]")) button.disabled = !chosen;
        if (all) {
          all.checked = rows.length > 0 && chosen === rows.length;
          all.indeterminate = chosen > 0 && chosen < rows.length;
        }
      };
      form.addEventListener("change", (event) => {
        if (event.target === all) for (const row of rows) row.checked = all.checked;
        told();
      });
      told();
    }
  });

  // Rows are dragged into order; the arrows do the same without a mouse, and without this script.
  window.addEventListener("DOMContentLoaded", () => {
    const ordered = document.querySelector("[data-order], [data-arrange]");
    if (!ordered) return;
    let dragged = null;
    ordered.addEventListener("dragstart", (event) => {
      dragged = event.target.closest("tr[data-id]");
    });
    ordered.addEventListener("dragover", (event) => {
      const over = event.target.closest("tr[data-id]");
      if (!dragged || !over || over === dragged || over.parentElement !== dragged.parentElement) return;
      event.preventDefault();
      const below = event.clientY > over.getBoundingClientRect().top + over.offsetHeight / 2;
      over.parentElement.insertBefore(dragged, below ? over.nextSibling : over);
    });
    ordered.addEventListener("dragend", () => {
      if (!dragged) return;
      dragged = null;
      if (!ordered.elements.order) return; // an arrangement is saved as a whole, by its button
      ordered.elements.order.value = [...ordered.querySelectorAll("tr[data-id]")].map((row) => row.dataset.id).join(",");
      ordered.submit();
    });
  });

  // A board's tiles are put in order: dragged, or with the arrow keys on the tile in focus; the buttons do the same.
  window.addEventListener("DOMContentLoaded", () => {
    const board = document.querySelector("[data-arrange]");
    const sent = document.querySelector("[data-arranged]");
    if (!board || !sent) return;
    if (location.hash.startsWith("#tile-")) document.getElementById(location.hash.slice(1))?.focus();
    board.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: "earlier", ArrowUp: "earlier", ArrowRight: "later", ArrowDown: "later" }[event.key];
      if (!way || !event.target.matches("[data-id]") || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.target.querySelector(`[data-move=${way}]:not(:disabled)`)?.click();
    });
    let dragged = null;
    board.addEventListener("dragstart", (event) => {
      dragged = event.target.closest("[data-id]");
    });
    board.addEventListener("dragover", (event) => {
      const over = event.target.closest("[data-id]");
      if (!dragged || !over || over === dragged) return;
      event.preventDefault();
      const box = over.getBoundingClientRect();
      const after = event.clientX > box.left + box.width / 2;
      over.parentElement.insertBefore(dragged, after ? over.nextSibling : over);
    });
    board.addEventListener("dragend", () => {
      if (!dragged) return;
      dragged = null;
      sent.elements.order.value = [...board.querySelectorAll("[data-id]")].map((one) => one.dataset.id).join(",");
      sent.submit();
    });
  });

  // Figures name colours ("$primary"); a canvas turns the theme's oklch() into what the plotting script reads.
  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const names = { primary: "--t-heat", good: "--t-good", bad: "--t-bad", muted: "--t-quiet", text: "--t-text", line: "--t-line", veil: "--t-veil" };

  function colour(name) {
    const variable = name.startsWith("stage-") ? "--t-" + name : names[name];
    const style = getComputedStyle(document.documentElement);
    let value = variable ? style.getPropertyValue(variable).trim() : "";
    if (!value) value = style.getPropertyValue("--t-quiet").trim();
    const probe = document.createElement("i");
    probe.style.color = value;
    document.body.append(probe);
    const seen = getComputedStyle(probe).color;
    probe.remove();
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = seen;
    pen.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
    return `rgba(${r},${g},${b},${(a / 255).toFixed(2)})`;
  }

  function themed(value) {
    if (typeof value === "string" && value.startsWith("$")) return colour(value.slice(1));
    if (Array.isArray(value)) return value.map(themed);
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, themed(inner)]));
    }
    return value;
  }

  // The plotting script shortens ticks to 250k and 2.5M. A page in Chinese counts in 万 and 亿, as its numbers do elsewhere.
  function tick(text) {
    const found = /^([−-]?)([\d.,]+)([kMB])$/.exec(text);
    if (!found) return text;
    if (!document.documentElement.lang.startsWith("zh")) return text.replace("k", "K");
    const value = Number(found[2].replaceAll(",", "")) * { k: 1e3, M: 1e6, B: 1e9 }[found[3]];
    const size = value >= 1e8 ? 1e8 : value >= 1e4 ? 1e4 : 1;
    return found[1] + Number((value / size).toPrecision(6)).toLocaleString("en-US") + { 1e8: "亿", 1e4: "万", 1: "" }[size];
  }

  // Again after each drawing: a narrower window, or a stretch looked at closer, has other ticks.
  function count(box) {
    for (const name of ["xaxis", "yaxis", "yaxis2"]) {
      const axis = box._fullLayout?.[name];
      if (axis?.type !== "linear" || axis.tickformat) continue;
      for (const text of box.querySelectorAll(`.${name.replace("axis", "")}tick text`)) {
        const told = tick(text.textContent);
        if (told !== text.textContent) text.textContent = told;
      }
    }
  }

  function draw(box) {
    const source = document.getElementById(box.dataset.figure);
    if (!source || !window.Plotly) return;
    const figure = themed(JSON.parse(source.textContent));
    for (const trace of figure.data) {
      // A phone has room for the names of the first column alone.
      if (trace.type === "sankey" && box.clientWidth < 600) {
        const first = trace.node.label[0].split(" · ")[1];
        trace.node.label = trace.node.label.map((label) => (label.endsWith(first) ? label.split(" · ")[0] : ""));
      }
    }
    const axis = { gridcolor: colour("line"), zerolinecolor: colour("muted"), linecolor: colour("line"), automargin: true };
    const layout = {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, hovermode: "closest",
      font: { color: colour("text"), size: 12, family: getComputedStyle(document.body).fontFamily },
      margin: { l: 48, r: 12, t: 12, b: 42 }, ...figure.layout,
    };
    // A legend above the plot grows upward, so that a second line of names never lies on the figure.
    if (layout.legend?.orientation === "h" && layout.legend.y > 1) layout.legend = { ...layout.legend, y: 1.02, yanchor: "bottom" };
    // Under the pointer a number stands in full, grouped by thousands, which reads alike in both languages.
    const told = (given) => (given?.tickformat ? {} : { hoverformat: ",.2~f" });
    for (const name of ["xaxis", "yaxis"]) layout[name] = { ...axis, ...told(figure.layout[name]), ...(figure.layout[name] || {}) };
    window.Plotly.newPlot(box, figure.data, layout, { displayModeBar: false, responsive: true }).then(() => {
      box.dataset.drawn = "1";
      count(box);
      box.on("plotly_afterplot", () => count(box));
      box.on("plotly_click", (event) => {
        const link = event.points?.[0]?.customdata;
        if (typeof link === "string" && link.startsWith("/")) window.location.assign(link);
      });
    });
  }

  // After an @ the colleagues who can be called in are offered: arrows choose, Enter or Tab takes, Escape leaves.
  let asking = 0;
  function shut(box) {
    box.nextElementSibling?.matches(".t-offered") && box.nextElementSibling.remove();
    box.removeAttribute("aria-activedescendant");
  }
  function take(box, name) {
    const until = box.selectionStart;
    const from = box.value.lastIndexOf("@", until - 1);
    box.setRangeText(`@${name} `, from, until, "end");
    shut(box);
    box.focus();
  }
  document.addEventListener("input", async (event) => {
    const box = event.target.closest?.("textarea[data-people]");
    if (!box) return;
    const begun = /(?:^|[^\w.])@([^\s@]{0,40})$/.exec(box.value.slice(0, box.selectionStart));
    const mine = ++asking;
    if (!begun) return shut(box);
    const answer = await fetch(`${box.dataset.people}?q=${encodeURIComponent(begun[1])}`, { headers: { Accept: "application/json" } });
    if (mine !== asking || !answer.ok) return;
    const { people } = await answer.json();
    shut(box);
    if (!people.length) return;
    const list = document.createElement("ul");
    list.className = "t-offered";
    list.setAttribute("role", "listbox");
    people.forEach((one, at) => {
      const entry = document.createElement("li");
      entry.id = `offered-${at}`;
      entry.setAttribute("role", "option");
      entry.setAttribute("aria-selected", String(at === 0));
      entry.dataset.name = one.name;
      entry.textContent = one.shown === one.name ? `@${one.name}` : `@${one.name} · ${one.shown}`;
      // Before the box loses the caret.
      entry.addEventListener("pointerdown", (down) => { down.preventDefault(); take(box, one.name); });
      list.append(entry);
    });
    box.after(list);
    box.setAttribute("aria-activedescendant", "offered-0");
  });
  document.addEventListener("keydown", (event) => {
    const box = event.target.closest?.("textarea[data-people]");
    const list = box?.nextElementSibling;
    if (!list?.matches(".t-offered") || event.isComposing) return;
    const entries = [...list.children];
    const at = entries.findIndex((one) => one.getAttribute("aria-selected") === "true");
    if (event.key === "Escape") shut(box);
    else if (event.key === "Enter" || event.key === "Tab") take(box, entries[at].dataset.name);
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const next = (at + (event.key === "ArrowDown" ? 1 : entries.length - 1)) % entries.length;
      entries.forEach((one, n) => one.setAttribute("aria-selected", String(n === next)));
      box.setAttribute("aria-activedescendant", entries[next].id);
    } else return;
    event.preventDefault();
  });
  document.addEventListener("focusout", (event) => {
    if (event.target.matches?.("textarea[data-people]")) shut(event.target);
  });

  // A page that follows piece by piece: charts are drawn as they come, and a bar tells how many pieces are there.
  document.addEventListener("htmx:afterSettle", () => {
    document.querySelectorAll("[data-figure]:not([data-drawn])").forEach(draw);
    const bar = document.querySelector("progress[data-pieces]");
    if (!bar) return;
    const waiting = document.querySelectorAll("[data-waits]").length;
    bar.value = Number(bar.max) - waiting;
    bar.closest("[data-progress]").hidden = waiting === 0;
    seek();
  });

  // A tile that can't be worked out says so, and the others follow all the same.
  for (const name of ["htmx:responseError", "htmx:sendError"]) {
    document.addEventListener(name, (event) => {
      const words = event.target.dataset?.failed;
      const place = words && event.target.querySelector(".t-wait");
      if (place) place.textContent = words;
    });
  }

  // The catalogue narrows as one types; nothing is asked of the server.
  function seek() {
    const box = document.querySelector("[data-seek]");
    if (!box) return;
    const wanted = box.value.trim().toLowerCase();
    for (const section of document.querySelectorAll("[data-chapter]")) {
      let any = false;
      for (const one of section.querySelectorAll("[data-says]")) {
        one.hidden = wanted !== "" && !one.dataset.says.toLowerCase().includes(wanted);
        any = any || !one.hidden;
      }
      section.hidden = wanted !== "" && !any && !section.querySelector("[data-waits]");
    }
  }
  document.addEventListener("input", (event) => {
    if (event.target.matches("[data-seek]")) seek();
  });

  // A picker asks for its figures as soon as something is picked.
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-asks] select")) event.target.form.requestSubmit();
  });

  const drawAll = () => document.querySelectorAll("[data-figure]").forEach(draw);

  window.addEventListener("DOMContentLoaded", () => {
    drawAll();
    document.querySelectorAll("[data-job]").forEach(watch);
    if (document.querySelector("[data-figure]")) {
      let dark = document.documentElement.classList.contains("dark");
      new MutationObserver(() => {
        const now = document.documentElement.classList.contains("dark");
        if (now !== dark) {
          dark = now;
          drawAll();
        }
      }).observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
    }
  });
})();
