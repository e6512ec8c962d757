// A platform that keeps its channels and messages itself, and their sessions in this API.
// Start `make run`, then: npx tsx examples/messages.ts [http://localhost:3000]

import { randomUUID } from "node:crypto";
import { setTimeout } from "node:timers/promises";

import { ApiError, SessionsService } from "@elizaos/api-client";
import type { CreateSessionParams, CreateSessionResponse } from "@elizaos/api-client";

const AGENT_ID = "3c90c3cc-0d44-4b50-8888-8dd25736052a";
const USER_ID = "9b2f3f0e-6a53-4b0c-9d5b-0b7f5a0f2d11";
const ATTEMPTS = 5;

/** A row of the platform's own database. The session ID is that of the latest session. */
interface Channel {
  channelId: string;
  sessionId: string;
  messages: string[];
}

/** The client of elizaOS, with what it lacks: the heartbeat, and idempotency keys. */
class Sessions extends SessionsService {
  create(idempotencyKey: string, params: CreateSessionParams): Promise<CreateSessionResponse> {
    return this.retry("", idempotencyKey, params);
  }

  heartbeat(idempotencyKey: string, sessionId: string): Promise<CreateSessionResponse> {
    return this.retry(`/${sessionId}/heartbeat`, idempotencyKey);
  }

  /** Send a request, and send it again with the same key while the API cannot answer. */
  private async retry<Answer>(path: string, idempotencyKey: string, body?: object): Promise<Answer> {
    const headers = { "Idempotency-Key": idempotencyKey };
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.post<Answer>(`/api/messaging/sessions${path}`, body, { headers });
      } catch (error) {
        // Without a connection, or an answer in time, there is no status.
        const temporary = error instanceof ApiError && [undefined, 429, 503].includes(error.status);
        if (!temporary || attempt === ATTEMPTS) throw error;
        const waitSeconds = error.status === undefined ? 1 : 3; // the longest Retry-After
        await setTimeout(1000 * waitSeconds * (1 + Math.random() / 2));
      }
    }
  }
}

const sessions = new Sessions({ baseUrl: process.argv[2] ?? "http://localhost:3000" });

/** Keep the channel's session alive, or give the channel a new one. */
async function sessionOf(channel: Channel, messageId: string): Promise<{ sessionId: string }> {
  try {
    return await sessions.heartbeat(messageId, channel.sessionId);
  } catch (error) {
    if (!(error instanceof ApiError && [404, 410].includes(error.status ?? 0))) throw error;
  }
  // Two messages that find the same session ended send the same key: it is one new session.
  const key = `${channel.channelId} after ${channel.sessionId}`;
  const metadata = { channelId: channel.channelId };
  const created = await sessions.create(key, { agentId: AGENT_ID, userId: USER_ID, metadata });
  channel.sessionId = created.sessionId;
  return created;
}

/** Take a message of the user. */
async function sendMessage(channel: Channel, text: string): Promise<void> {
  const session = await sessionOf(channel, randomUUID());
  channel.messages.push(text);
  console.log(`channel ${channel.channelId}  session ${session.sessionId}  ${text}`);
}

// A session of `make run` that has expired: the user was away for longer than the timeout.
const channel: Channel = { channelId: randomUUID(), sessionId: "demo-expired", messages: [] };
await sendMessage(channel, "I am back");
await sendMessage(channel, "Where were we?");
