"use strict";
// Shows a text with its entities marked. Offsets are Unicode code points, as in Python. All content is inserted as text,
// never as markup, so that markup in the text or in type names has no effect.

const COLOURS = 12;
const RIGHT_TO_LEFT = /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}]/u;

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function plural(number, word) {
  return `${number.toLocaleString("en")} ${word}${number === 1 ? "" : "s"}`;
}

function sure(entity) {
  return typeof entity.confidence === "number" ? `, ${entity.confidence.toFixed(2)}` : "";
}

class EntityView {
  constructor(root) {
    this.root = root;
    this.hidden = new Set();
  }

  show(text, extraction) {
    this.characters = Array.from(text);
    this.extraction = extraction;
    this.entities = extraction.entities ?? [];
    const counts = new Map();
    for (const { type, entities, count } of extraction.counts ?? extraction.mentions ?? this.entities)
      counts.set(type, (counts.get(type) ?? 0) + (entities ?? count ?? 1));
    this.total = [...counts.values()].reduce((sum, count) => sum + count, 0);
    this.types = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
    this.colour = new Map(this.types.map(([type], place) => [type, `c${place % COLOURS}`]));
    this.text = element("div", { class: "text", dir: "auto", role: "document", "aria-label": "Text with its entities" });
    this.detail = element("p", { class: "detail", role: "status" });
    this.table = element("div", { class: "wide" });
    this.root.replaceChildren(this.#legend(), this.text, this.detail, ...this.#notes(), this.#list(), this.#copy());
    this.#draw();
  }

  wait(said) {
    this.root.replaceChildren(element("p", { class: "detail", role: "status" }, said));
  }

  #legend() {
    const legend = element("fieldset", { class: "legend" },
      element("legend", {}, `${plural(this.total, "entity").replace("entitys", "entities")} of ${plural(this.types.length, "type")}`));
    for (const [type, count] of this.types) {
      const box = element("input", { type: "checkbox" });
      box.checked = !this.hidden.has(type);
      box.addEventListener("change", () => {
        if (box.checked) this.hidden.delete(type);
        else this.hidden.add(type);
        this.#draw();
      });
      legend.append(element("label", { class: this.colour.get(type) }, box, element("bdi", {}, type), ` ${count}`));
    }
    return legend;
  }

  #notes() {
    const { unanswered = [], ungrounded = 0, warnings = [], truncated = false, next_start, teacher_missing = [] } = this.extraction;
    const lines = unanswered.map((one) => `Not answered: ${one.type}. ${one.reason}`);
    lines.push(...(teacher_missing ?? []).map((one) => `No answer from the teacher: ${one.reason}`));
    if (ungrounded) lines.push(`${plural(ungrounded, "mention")} dropped: not in the text.`);
    lines.push(...warnings);
    if (typeof next_start === "number") lines.push(`Entities from character ${next_start.toLocaleString("en")} on are left out.`);
    else if (truncated) lines.push("Some entities are left out.");
    return lines.map((line) => element("p", { class: "note" }, line));
  }

  #list() {
    const listed = this.extraction.counts ?? this.extraction.mentions;
    return element("details", { open: listed && "" }, element("summary", {}, "As a table"), this.table);
  }

  #copy() {
    const said = element("span", { role: "status" });
    const button = element("button", { type: "button" }, "Copy as JSON");
    button.addEventListener("click", async () => {
      const json = JSON.stringify(this.extraction, null, 1);
      try {
        await navigator.clipboard.writeText(json);
        said.textContent = "Copied.";
      } catch {
        const area = element("textarea", { readonly: "", rows: "8", "aria-label": "The extraction as JSON" });
        area.value = json;
        said.replaceChildren("Press Ctrl+C: ", area);
        area.select();
      }
    });
    return element("p", { class: "copy" }, button, " ", said);
  }

  #draw() {
    const shown = (one) => !this.hidden.has(one.type);
    this.text.replaceChildren(...this.#marked(this.entities.filter(shown)));
    const [names, listed] = this.#columns();
    const cell = (one, name) => name === "confidence" ? sure(one).slice(2) : String(one[name]);
    const rows = listed.filter(shown).map((one) => element("tr", {},
      ...names.map((name) => element("td", {}, element("bdi", {}, cell(one, name))))));
    const head = names.map((name) => element("th", { scope: "col" }, name === "text" ? "entity" : name));
    this.table.replaceChildren(element("table", {}, element("thead", {}, element("tr", {}, ...head)),
      element("tbody", {}, ...rows)));
  }

  // What the table shows, by the form of the result.
  #columns() {
    const { counts, mentions } = this.extraction;
    if (counts) return [["type", "entities", "distinct"], counts];
    if (mentions) return [["text", "type", "count", "start"], mentions];
    return [["text", "type", "start", "end", "confidence"], this.entities];
  }

  // The text is split wherever an entity begins or ends. The entities around a part are nested, the first to begin
  // outermost; an entity that crosses another one is split there and continued.
  #marked(entities) {
    const order = entities.map((entity, index) => ({ entity, index }))
      .sort((a, b) => a.entity.start - b.entity.start || b.entity.end - a.entity.end || a.index - b.index);
    const cuts = new Set([0, this.characters.length]);
    for (const { entity } of order) cuts.add(entity.start).add(entity.end);
    const places = [...cuts].sort((a, b) => a - b);
    const top = document.createDocumentFragment();
    const open = [];
    let active = [];
    let next = 0;
    for (let i = 0; i + 1 < places.length; i++) {
      const [from, to] = [places[i], places[i + 1]];
      active = active.filter(({ entity }) => entity.end > from);
      while (next < order.length && order[next].entity.start <= from) active.push(order[next++]);
      let same = 0;
      while (same < open.length && same < active.length && open[same].item === active[same]) same++;
      open.length = same;
      for (const item of active.slice(same)) {
        const mark = this.#mark(item.entity, from);
        (open.at(-1)?.mark ?? top).append(mark);
        open.push({ item, mark });
      }
      for (const { item, mark } of open) if (item.entity.end === to) mark.classList.add("last");
      (open.at(-1)?.mark ?? top).append(this.characters.slice(from, to).join(""));
    }
    return top.childNodes;
  }

  #mark(entity, from) {
    const said = `${entity.type}: ${entity.text} (${entity.start} to ${entity.end}${sure(entity)})`;
    const begins = from === entity.start;
    const mark = element("mark", { class: this.colour.get(entity.type), title: said, "data-type": entity.type,
      "data-rtl": RIGHT_TO_LEFT.test(entity.text) ? "" : undefined, tabindex: begins ? "0" : undefined });
    const tell = (event) => {
      event.stopPropagation();
      this.detail.textContent = said;
    };
    mark.addEventListener("focus", tell);
    mark.addEventListener("mouseover", tell);
    return mark;
  }
}
