// Questions to the program. A failure says whether nobody answered (`offline`) or the answer was no.
(function (pm) {
  "use strict";

  const TIMEOUT_MS = 8000;

  class Failure extends Error {
    constructor(offline, status, code, message) {
      super(message);
      this.offline = offline;
      this.status = status;
      this.code = code;
    }
  }

  function path(route, parameters) {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(parameters || {})) {
      if (value !== null && value !== undefined && value !== "") query.set(name, String(value));
    }
    const text = query.toString();
    return text ? `${route}?${text}` : route;
  }

  async function ask(url, options, signal) {
    const timeout = new AbortController();
    const timer = window.setTimeout(() => timeout.abort(), TIMEOUT_MS);
    const abort = () => timeout.abort();
    if (signal) signal.addEventListener("abort", abort);
    try {
      const response = await fetch(url, Object.assign({ signal: timeout.signal, credentials: "same-origin" }, options));
      if (response.ok) return await response.json();
      throw await refusal(response);
    } catch (error) {
      if (error instanceof Failure || (signal && signal.aborted)) throw error;
      throw new Failure(true, 0, "offline", error.message);
    } finally {
      window.clearTimeout(timer);
      if (signal) signal.removeEventListener("abort", abort);
    }
  }

  async function refusal(response) {
    try {
      const { error } = await response.json();
      return new Failure(false, response.status, error.code, error.message);
    } catch (error) {
      return new Failure(response.status >= 502, response.status, "error", response.statusText || `HTTP ${response.status}`);
    }
  }

  function get(route, parameters, signal) {
    return ask(path(route, parameters), {}, signal);
  }

  function post(route, body) {
    return ask(route, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  }

  pm.api = { get, post, path, Failure };
})(window.powermon);
