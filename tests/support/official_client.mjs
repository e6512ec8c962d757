// Calls methods of elizaOS's own client one after the other, and prints what its caller sees.
// Arguments: the server's URL, the API key, and the calls as JSON: [[method, ...its arguments], ...].

import { ApiError, SessionsService } from "@elizaos/api-client";

const [baseUrl, apiKey, calls] = process.argv.slice(2);
const sessions = new SessionsService({ baseUrl, apiKey });

async function seen([method, ...args]) {
  try {
    return { result: (await sessions[method](...args)) ?? null };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const { status, code, message, details } = error;
    return { error: { status, code, message, details } };
  }
}

const outcomes = [];
for (const call of JSON.parse(calls)) outcomes.push(await seen(call));
const methods = Object.getOwnPropertyNames(SessionsService.prototype);
console.log(JSON.stringify({ outcomes, methods }));
