"use strict";
const $ = (id) => document.getElementById(id);

// How far a clock may be off unnoticed, and how long a reply may take, in milliseconds.
const TOLERANCE = 3000;
const PATIENCE = 30000;

let user = "";
let period = 30;
let digits = 6;
let recoveryCodes = [];
// What to add to this device's clock to have the server's.
let skew = 0;
// The service does not tell a used code from a wrong one: someone who replays one learns nothing.
// This page may: it saw the code accepted. And a code that got no answer may be used, too.
const accepted = new Set();
const unanswered = new Set();

const now = () => Date.now() + skew;

function say(id, tone, title, text) {
  const strong = document.createElement("strong");
  strong.textContent = title;
  $(id).dataset.tone = tone;
  $(id).replaceChildren(strong, text);
}

function amount(seconds) {
  const [count, unit] = seconds < 100 ? [seconds, "second"]
    : seconds < 6000 ? [Math.ceil(seconds / 60), "minute"]
    : [Math.ceil(seconds / 3600), "hour"];
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

/* The Date of a reply says whole seconds, of some moment while it was under way. */
function compareClocks(date, sent) {
  const received = Date.now();
  const off = Date.parse(date) + 500 - (sent + received) / 2;
  if (Number.isNaN(off)) return;
  skew = Math.abs(off) > TOLERANCE + (received - sent) / 2 ? off : 0;
  if (skew) {
    const much = amount(Math.round(Math.abs(skew) / 1000));
    say("clock", "warn", `This device's clock is ${much} ${skew < 0 ? "fast" : "slow"}`,
      "The countdown here allows for that. An authenticator app on this device does not: set "
      + "its clock before you use one.");
  } else {
    $("clock").replaceChildren();
  }
}

async function call(path, fields) {
  const headers = {"Content-Type": "application/json"};
  const token = $("token")?.value.trim();
  if (token !== undefined) {
    // What no header can carry is not a token.
    if (!/^[\x21-\x7e]+$/.test(token)) return {status: 401, body: {}};
    headers.Authorization = `Bearer ${token}`;
  }
  const sent = Date.now();
  try {
    const reply = await fetch(path, {
      method: "POST",
      headers,
      body: JSON.stringify(fields),
      signal: AbortSignal.timeout(PATIENCE),
    });
    compareClocks(reply.headers.get("Date"), sent);
    return {
      status: reply.status,
      retry: Number(reply.headers.get("Retry-After")),
      body: await reply.json().catch(() => ({})),
    };
  } catch {
    return {status: 0, body: {}};
  }
}

/* What to do about a reply that is not a success. */
function refusal({status, retry, body}) {
  const again = retry ? `in ${amount(retry)}` : "in a while";
  switch (status) {
    case 0: return ["No answer came", "Check the connection, then try again."];
    case 400: return ["That cannot be used", `${body.Message ?? ""} Change it, then try again.`];
    case 401: return ["The API token is not right", "Correct it, then try again."];
    case 404: return ["This user is not registered any more", "Reload the page to start over."];
    case 409: return ["This user is registered already",
      "Type another name, or ask the operator of this service to remove the old registration."];
    case 423: return ["Locked after too many wrong codes",
      "Ask the operator of this service to unlock this user."];
    case 429: return ["Too many tries", `Try again ${again}.`];
    case 503: return ["The service could not decide", `Nothing is lost: try again ${again}.`];
    default: return [`The service answered ${status}`,
      "Try again. If it stays like this, tell the operator of the service."];
  }
}

function refuse(id, reply, input) {
  const [title, text] = refusal(reply);
  say(id, reply.status === 429 || reply.status === 503 ? "warn" : "bad", title, text);
  if (reply.status === 401) {
    $("token-part").hidden = false;
    invalid($("token"));
  } else {
    invalid(input, reply.status === 400 || reply.status === 409);
  }
}

function invalid(input, wrong = true) {
  for (const field of document.querySelectorAll("[aria-invalid]")) {
    field.removeAttribute("aria-invalid");
  }
  if (wrong) input.setAttribute("aria-invalid", "true");
  input.focus();
  input.select();
}

/* Sends a form once at a time, and never as a browser would. */
function onSubmit(form, send) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (form.ariaBusy === "true") return;
    form.ariaBusy = "true";
    try {
      await send();
    } finally {
      form.ariaBusy = null;
    }
  });
}

function onCopy(button, source, text) {
  $(button).addEventListener("click", async () => {
    const told = $(`${source}-copied`);
    try {
      await navigator.clipboard.writeText(text());
      told.textContent = "Copied";
    } catch {
      // Not over plain http, say.
      getSelection().selectAllChildren($(source));
      told.textContent = "Selected: now copy it";
    }
  });
}

function goTo(step, title) {
  for (const [index, item] of [...document.querySelectorAll(".steps li")].entries()) {
    item.toggleAttribute("data-past", index < step);
    if (index === step) item.setAttribute("aria-current", "step");
    else item.removeAttribute("aria-current");
  }
  $(title).focus();
}

async function register() {
  const name = $("user").value;
  if (!name) {
    say("start-message", "bad", "Who are you?", "Type the name you sign in with.");
    invalid($("user"));
    return;
  }
  const fields = {user: name};
  if ($("recovery").checked) fields.recovery_codes = 10;
  const reply = await call("./", fields);
  if (reply.status !== 201 || !reply.body.qr_code) {
    refuse("start-message", reply, $("user"));
    return;
  }
  user = name;
  recoveryCodes = reply.body.recovery_codes ?? [];
  show(reply.body);
}

function show({qr_code: uri, qr_code_url: picture}) {
  const parameters = new URL(uri).searchParams;
  period = Number(parameters.get("period") ?? 30);
  digits = Number(parameters.get("digits") ?? 6);
  $("qr").src = picture;
  $("open").href = uri;
  $("account").textContent = user;
  $("issuer").textContent = parameters.get("issuer");
  $("key").textContent = parameters.get("secret").match(/.{1,4}/g).join(" ");
  $("kind").textContent = `Time-based, ${digits} digits, every ${period} seconds, `
    + (parameters.get("algorithm") ?? "SHA1");
  document.body.classList.remove("start");
  $("start").remove();
  if ($("token")) {
    $("token-part").hidden = true;
    $("token").setAttribute("form", "check-form");
  }
  $("scan").hidden = $("check").hidden = false;
  tick();
  goTo(1, "scan-title");
}

async function check() {
  // What the server drops and takes for digits, too.
  const code = $("code").value.replace(
    /[\p{White_Space}\p{Dash}\p{Default_Ignorable_Code_Point}]/gu, "");
  if (!/^\p{Nd}+$/u.test(code) || [...code].length !== digits) {
    say("check-message", "bad", "That is not a code", `A code has ${digits} digits.`);
    invalid($("code"));
    return;
  }
  const reply = await call("verify", {user, code});
  if (typeof reply.body.code_is_valid !== "boolean") {
    if (!reply.status || reply.status >= 500) unanswered.add(code);
    refuse("check-message", reply, $("code"));
    return;
  }
  if ($("token")) $("token-part").hidden = true;
  if (reply.body.code_is_valid) {
    const first = !accepted.size;
    accepted.add(code);
    invalid($("code"), false);
    if (first) finish();
    else say("check-message", "ok", "Accepted", "This code is now used up, too.");
    return;
  }
  if (accepted.has(code)) {
    say("check-message", "warn", "Already used",
      "It worked once. Anyone who saw you type it cannot use it again. Wait for the next one.");
  } else if (unanswered.has(code)) {
    say("check-message", "bad", "Not accepted",
      "An earlier try got no answer, and may have used this code up. Wait for the next one.");
  } else {
    say("check-message", "bad", "Not right",
      "Compare it with the app. If it is about to change there, wait for the next one.");
  }
  invalid($("code"));
}

/* The secret has done its work here: nothing of it stays in the page. */
function finish() {
  $("scan").remove();
  $("check-message").replaceChildren();
  $("who").textContent = user;
  for (const code of recoveryCodes) {
    const item = document.createElement("li");
    item.textContent = code;
    $("codes").append(item);
  }
  $("recovery-part").hidden = !recoveryCodes.length;
  $("check-title").textContent = "Each code works once";
  $("check-hint").textContent = "Type the same one again: it is refused now. To be accepted "
    + "again, wait for the next one.";
  $("done").hidden = $("another").hidden = false;
  goTo(2, "done-title");
}

/* Once a second, in step with the authenticator app's own countdown. */
function tick() {
  const time = now();
  const left = period - Math.floor(time / 1000) % period;
  const arc = $("arc").style;
  $("left").textContent = left;
  $("ring").toggleAttribute("data-ending", left <= 5);
  arc.transition = "none";
  arc.strokeDashoffset = 1 - left / period;
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) {
    // Where it is now has to be drawn before it can move on from there.
    $("arc").getBoundingClientRect();
    arc.transition = "";
    arc.strokeDashoffset = 1 - (left - 1) / period;
  }
  setTimeout(tick, 1000 - time % 1000);
}

onSubmit($("start"), register);
onSubmit($("check-form"), check);
onCopy("copy-key", "key", () => $("key").textContent.replaceAll(" ", ""));
onCopy("copy-codes", "codes", () => recoveryCodes.join("\n"));
$("page").hidden = false;
($("token") ?? $("user")).focus();
