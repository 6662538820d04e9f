"use strict";
const $ = (id) => document.getElementById(id);

// How long an accepted code of the old phone counts: minutes, as a login's second step has.
const PROVEN = 5 * 60_000;
// How far a clock may be off unnoticed, and how long a reply may take, in milliseconds.
const TOLERANCE = 3000;
const PATIENCE = 30000;

// To change the phone of somebody who is enrolled, not to enroll them.
let changing = false;
// Whose old phone has shown a code, and until when that counts.
let proven = {user: "", until: 0};
// Only while a click on the button that says so is handled: one click restarts once.
let restarting = false;
// Where the code is checked.
let route = "verify";
let user = "";
let period = 30;
let digits = 6;
let issuer = "";
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
    if (!/^[\x21-\x7e]+$/.test(token)) return {path, status: 401, body: {}};
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
      path,
      restarted: fields.replace_unconfirmed,
      status: reply.status,
      retry: Number(reply.headers.get("Retry-After")),
      body: await reply.json().catch(() => ({})),
    };
  } catch {
    return {path, status: 0, body: {}};
  }
}

/* What to do about a reply that is not a success. */
function refusal({path, restarted, status, retry, body}) {
  const again = retry ? `in ${amount(retry)}` : "in a while";
  switch (status) {
    case 0: return ["No answer came", "Check the connection, then try again."];
    case 400: return ["That cannot be used", `${(body.Message ?? "")
      .replace(/^Invalid user: it/, "The user").replace(/^Invalid account_name: it/, "The name")
    } Change it, then try again.`];
    case 401: return ["The access token is not right", "Correct it, then try again."];
    case 403: return ["The access token may not do that",
      "Use an enroll token (LAMBDATOTP_ENROLL_TOKEN) or the API token."];
    case 404: return $("start")
      ? ["This user is not registered", "Correct the name, or set the second factor up first."]
      : ["This user is not registered any more", "Reload the page to start over."];
    case 409: return path === "confirm" ? ended() : taken(restarted);
    case 423: return ["Locked after too many wrong codes",
      "Ask the operator of this service to unlock this user."];
    case 429: return ["Too many tries", `Try again ${again}.`];
    case 503: return ["The service could not decide", `Nothing is lost: try again ${again}.`];
    default: return [`The service answered ${status}`,
      "Try again. If it stays like this, tell the operator of the service."];
  }
}

function taken(restarted) {
  const help = `${$("switch") ? "If the phone is new, change to it below. " : ""
  }Otherwise ask the operator of this service to remove the old registration.`;
  return restarted
    ? ["This user is enrolled already", `Nothing was changed. ${help}`]
    : ["This user is registered already", "If the page was closed before a code was accepted, "
      + `start again: the earlier QR code then stops working. ${help}`];
}

function ended() {
  return unanswered.size
    ? ["The change may be complete", "An earlier try got no answer. Wait for the next code of the "
      + "new phone, and type it. If it is refused, the old phone still works: begin again."]
    : ["This change of phone has ended", "It took too long, or was completed elsewhere. Begin "
      + "again, with a code of the phone that works."];
}

function refuse(id, reply, input) {
  const [title, text] = refusal(reply);
  say(id, reply.status === 429 || reply.status === 503 ? "warn" : "bad", title, text);
  if ($("token") && (reply.status === 401 || reply.status === 403)) {
    $("token-part").hidden = false;
    invalid($("token"));
  } else {
    invalid(input, reply.status === 400 || ($("start") && [404, 409].includes(reply.status)));
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
  for (const [index, item] of [...document.querySelectorAll(".steps li:not([hidden])")].entries()) {
    item.toggleAttribute("data-past", index < step);
    if (index === step) item.setAttribute("aria-current", "step");
    else item.removeAttribute("aria-current");
  }
  $(title).focus();
}

/* The form, to enroll somebody or to change the phone of somebody who is enrolled. */
function choose(change) {
  changing = change;
  document.title = $("title").textContent = change
    ? "Change to a new phone" : "Set up your second factor";
  $("first-step").textContent = change ? "Old phone" : "Name";
  $("scan-step").textContent = change ? "New phone" : "Scan";
  $("show").textContent = change ? "Check this code" : "Show the QR code";
  $("switch").textContent = change ? "Set up a second factor instead" : "Change to a new phone";
  $("old-hint").hidden = $("old-part").hidden = !change;
  $("recovery-part").hidden = change;
  askAnew();
  $("title").focus();
}

/* What was said and proven is about the user that was there then. */
function askAnew() {
  $("start-message").replaceChildren();
  $("restart").hidden = true;
  proven = {user: "", until: 0};
  $("old-part").hidden = !changing;
}

async function register() {
  const name = $("user").value;
  if (!name) {
    say("start-message", "bad", "Who are you?", "Type the name you sign in with.");
    invalid($("user"));
    return;
  }
  const fields = {user: name};
  if ($("account-name").value) fields.account_name = $("account-name").value;
  if (changing) {
    if (!(await prove(name))) return;
  } else {
    if ($("recovery").checked) fields.recovery_codes = 10;
    if (restarting) fields.replace_unconfirmed = true;
  }
  const reply = await call(changing ? "rotate" : "./", fields);
  if (reply.status !== 201 || !reply.body.qr_code) {
    const named = reply.status === 400 && /account_name/.test(reply.body.Message);
    refuse("start-message", reply, $(named ? "account-name" : "user"));
    $("restart").hidden = changing || reply.restarted || reply.status !== 409;
    return;
  }
  user = name;
  recoveryCodes = reply.body.recovery_codes ?? [];
  show(reply.body);
}

/* Whether a code of the old phone was accepted: now, or a moment ago for a try that failed. */
async function prove(name) {
  if (proven.user === name && performance.now() < proven.until) return true;
  $("old-part").hidden = false;
  const code = $("old").value.trim();
  if (!code) {
    say("start-message", "bad", "The code is missing", "Type a code of the old phone.");
    invalid($("old"));
    return false;
  }
  const reply = await call("verify", {user: name, code});
  if (!judge("start-message", reply, code, $("old"), $("user"))) return false;
  proven = {user: name, until: performance.now() + PROVEN};
  $("old").value = "";
  $("old-part").hidden = true;
  return true;
}

function show({qr_code: uri, qr_code_url: picture}) {
  // What became of codes of the old phone says nothing about those of the new one.
  accepted.clear();
  unanswered.clear();
  const parameters = new URL(uri).searchParams;
  period = Number(parameters.get("period") ?? 30);
  digits = Number(parameters.get("digits") ?? 6);
  $("qr").src = picture;
  $("open").href = uri;
  $("account").textContent = $("account-name").value || user;
  $("issuer").textContent = issuer = parameters.get("issuer");
  $("key").textContent = parameters.get("secret").match(/.{1,4}/g).join(" ");
  $("kind").textContent = `Time-based, ${digits} digits, every ${period} seconds, `
    + (parameters.get("algorithm") ?? "SHA1");
  document.body.classList.remove("start");
  $("start").remove();
  if ($("token")) {
    $("token-part").hidden = true;
    $("token").setAttribute("form", "check-form");
  }
  if (changing) {
    route = "confirm";
    $("keeps").hidden = false;
    $("scan-title").textContent = "Scan this with the new phone";
    $("check-title").textContent = "Then type the code that the new phone shows";
  }
  $("save-step").hidden = !recoveryCodes.length;
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
  const reply = await call(route, {user, code});
  if (reply.status === 409) {
    $("begin").hidden = false;
    // A change that is complete shows in the next code.
    if (unanswered.size) route = "verify";
  }
  if (!judge("check-message", reply, code, $("code"), $("code"))) return;
  accepted.add(code);
  invalid($("code"), false);
  if ($("scan")) finish();
  else say("check-message", "ok", "Accepted", "This code is now used up, too.");
}

/* Whether a code was accepted; if not, says why. */
function judge(id, reply, code, input, other) {
  if (typeof reply.body.code_is_valid !== "boolean") {
    if (!reply.status || reply.status >= 500) unanswered.add(code);
    refuse(id, reply, reply.status === 404 ? other : input);
    return false;
  }
  if ($("token") && !$("start")) $("token-part").hidden = true;
  if (reply.body.code_is_valid) return true;
  if (accepted.has(code)) {
    say(id, "warn", "Already used",
      "It worked once. Anyone who saw you type it cannot use it again. Wait for the next one.");
  } else if (unanswered.has(code)) {
    say(id, "bad", "Not accepted",
      "An earlier try got no answer, and may have used this code up. Wait for the next one.");
  } else {
    say(id, "bad", "Not right",
      "Compare it with the app. If it is about to change there, wait for the next one.");
  }
  invalid(input);
  return false;
}

/* The secret has done its work here: nothing of it stays in the page. */
function finish() {
  $("scan").remove();
  $("begin").remove();
  $("check-message").replaceChildren();
  $("who").textContent = user;
  if (recoveryCodes.length) save();
  else done();
}

/* Closing the page now would lose what is shown only now: the browser asks first. */
const ask = (event) => event.preventDefault();

function save() {
  addEventListener("beforeunload", ask);
  for (const code of recoveryCodes) {
    const item = document.createElement("li");
    item.textContent = code;
    $("codes").append(item);
  }
  const whose = `Recovery codes of ${user} for ${issuer}`;
  $("whose").textContent = whose;
  const text = `${whose}\nEach works once.\n\n${recoveryCodes.join("\n")}\n`;
  $("download").href = URL.createObjectURL(new Blob([text], {type: "text/plain"}));
  $("check").hidden = true;
  $("save").hidden = false;
  goTo(2, "save-title");
}

function done() {
  if (recoveryCodes.length) {
    removeEventListener("beforeunload", ask);
    URL.revokeObjectURL($("download").href);
    recoveryCodes = [];
  }
  $("save").remove();
  if (changing) {
    $("what").textContent = "has a new phone. Codes of the old one are refused from now on: "
      + "delete the entry there. Recovery codes stay as they are.";
  }
  $("done").hidden = false;
  if ($("demo")) {
    route = "verify";
    $("check-title").textContent = "Each code works once";
    $("check").hidden = $("demo").hidden = false;
  } else {
    $("check").remove();
    $("token-part")?.remove();
  }
  goTo(document.querySelectorAll(".steps li:not([hidden])").length - 1, "done-title");
}

/* Once a second, in step with the authenticator app's own countdown. */
function tick() {
  if (!$("check")) return;
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
$("user").addEventListener("input", askAnew);
// No submit button: Enter in a form presses its first one, and must not start anything again.
$("restart").addEventListener("click", () => {
  restarting = true;
  $("start").requestSubmit($("show"));
  restarting = false;
});
$("switch")?.addEventListener("click", () => choose(!changing));
$("print-codes").addEventListener("click", () => print());
$("saved").addEventListener("click", done);
$("page").hidden = false;
if ($("switch") && new URLSearchParams(location.search).has("change")) choose(true);
($("token") ?? $("user")).focus();
