// Shows the picture that people are asked about, and takes a key for an answer only once that picture is on the screen.
// `data`: turn (a number for every run of the page), id (empty: nothing is asked), source (of the picture), answers (key ->
// answer), annotator. Sends `answered` {turn, id, answer} and, once after a page is loaded, `remembered` (the last name).
const STORED = "workbench-annotator";
const FRAMES = 2; // the first is asked for before the picture is drawn, the second comes after it was

export default function (component) {
  const { data, parentElement, setStateValue, setTriggerValue } = component;
  const frame = parentElement.querySelector(".label-screen");
  const picture = frame.querySelector("img");
  const state = (frame.labelState ??= { turn: null, shown: null });
  state.data = data;
  state.send = setTriggerValue;

  if (state.turn !== data.turn) {
    state.turn = data.turn;
    close(frame, state);
    show(frame, picture, state, data);
  }
  if (!state.listening) {
    state.listening = new AbortController();
    const options = { capture: true, signal: state.listening.signal };
    window.addEventListener("keydown", (event) => pressed(event, frame, state), options);
    window.addEventListener("click", (event) => clicked(event, frame, state), options);
    if (!data.annotator && stored()) setStateValue("remembered", stored());
  }
  if (data.annotator) remember(data.annotator);
  return () => {
    state.listening?.abort();
    state.listening = null;
    state.turn = null;
  };
}

// Until the next picture is painted nothing is taken.
function close(frame, state) {
  state.shown = null;
  frame.dataset.shown = "";
}

async function show(frame, picture, state, data) {
  picture.hidden = !data.source;
  if (data.source) {
    if (picture.getAttribute("src") !== data.source) picture.src = data.source;
    try {
      await picture.decode(); // loaded and ready to be drawn
    } catch {
      return; // not to be seen: no answer
    }
  } else {
    picture.removeAttribute("src");
  }
  for (let count = 0; count < FRAMES; count++) await new Promise(requestAnimationFrame);
  if (state.turn !== data.turn || !data.id) return;
  state.shown = data.id;
  frame.dataset.shown = data.id;
}

function pressed(event, frame, state) {
  const target = event.composedPath()[0];
  if (event.key === "Enter" && inside(target, "st-key-label-name")) {
    setTimeout(() => target.blur()); // the name is given: the next key is an answer, not a letter of it
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || editable(target) || !state.data.id) return;
  const answer = state.data.answers[event.key.toLowerCase()];
  if (answer === undefined) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (event.repeat || state.shown === null) return; // a key that is held down judges no picture
  const id = state.shown;
  close(frame, state);
  state.send("answered", { turn: state.turn, id, answer });
}

function clicked(event, frame, state) {
  if (!inside(event.composedPath()[0], "st-key-label-answers") || !state.data.id) return;
  if (state.shown !== null) return close(frame, state);
  event.preventDefault();
  event.stopImmediatePropagation();
}

function inside(target, name) {
  return target instanceof Element && target.closest("." + name) !== null;
}

function editable(target) {
  return target instanceof Element && (target.isContentEditable || target.matches("input, textarea, select"));
}

function stored() {
  try {
    return localStorage.getItem(STORED) ?? "";
  } catch {
    return ""; // a browser that keeps nothing
  }
}

function remember(name) {
  try {
    localStorage.setItem(STORED, name);
  } catch {
    // a browser that keeps nothing
  }
}
