// A program with a client made from /openapi.json. It stops compiling when a code is missing.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Account = components["schemas"]["Account"];
type Answer<T> = { data?: T; error?: unknown };

const bank = createClient<paths>({ baseUrl: process.argv[2] });
const made = <T>(answer: Answer<T>): T => {
  assert.equal(answer.error, undefined, JSON.stringify(answer.error));
  return answer.data as T;
};

async function signedIn(username: string): Promise<void> {
  const person = { username, password: "correct horse battery" };
  made(await bank.POST("/v1/users", { body: person }));
  const tokens = made(await bank.POST("/v1/auth/login", { body: person }));
  bank.use({ onRequest: ({ request }) => request.headers.set("Authorization", `Bearer ${tokens.access_token}`) });
}

async function pay(from: Account, to: Account, amount_minor: number, key: string): Promise<string> {
  const { data, error } = await bank.POST("/v1/transfers", {
    params: { header: { "Idempotency-Key": key } },
    body: { from_account: from.id, to_account: to.number, amount_minor, currency: "EUR" },
  });
  if (error === undefined) return data.id;
  switch (error.code) {
    case "funds_insufficient":
      return `short of ${error.shortfall_minor}`;
    case "invalid_request":
      return (error.errors ?? []).map((each) => each.pointer).join();
    case "account_closed":
    case "account_frozen":
    case "account_unknown":
    case "body_too_large":
    case "currency_mismatch":
    case "damaged":
    case "forbidden":
    case "internal_error":
    case "invalid_token":
    case "key_reused":
    case "limit_exceeded":
    case "method_not_allowed":
    case "not_found":
    case "rate_limited":
    case "request_timeout":
    case "same_account":
    case "scope_missing":
    case "unavailable":
    case "unsupported_media_type":
      return error.code;
    default: {
      const forgotten: never = error;
      return forgotten;
    }
  }
}

await signedIn(`ada-${Date.now()}`);
const open = async (name: string): Promise<Account> =>
  made(await bank.POST("/v1/accounts", { body: { name, currency: "EUR" } }));
const [main, savings] = [await open("Main"), await open("Savings")];
made(await bank.POST("/v1/deposits", { body: { account: main.id, amount_minor: 3_000_000_000, currency: "EUR" } }));

const id = await pay(main, savings, 1_000, "order-7");
assert.equal(await pay(main, savings, 1_000, "order-7"), id, "a retry pays once");
assert.equal(await pay(main, savings, 4_000_000_000, "order-8"), "short of 1000001000");
assert.equal(await pay(main, savings, 0, "order-9"), "/amount_minor");
assert.equal(await pay(main, savings, 7, "order-7"), "key_reused");

const ends = { from_account: main.id, to_account: savings.id, currency: "EUR" as const };
const bulk = made(await bank.POST("/v1/transfers/bulk", {
  body: { mode: "each", transfers: [{ ...ends, amount_minor: 5 }, { ...ends, to_account: "nowhere", amount_minor: 5 }] },
}));
const said = bulk.results.map((each) => (each.status === "recorded" ? each.status : each.code));
assert.deepEqual(said, ["recorded", "account_unknown"]);

const transfers: string[] = [];
for (let cursor: string | undefined; ; ) {
  const page = made(await bank.GET("/v1/transfers", { params: { query: { limit: 1, cursor } } }));
  transfers.push(...page.data.map((each) => each.id));
  if (page.next_cursor === null) break;
  cursor = page.next_cursor;
}
assert.equal(transfers.length, 2);

const params = { path: { account: main.id } };
const csv = await bank.GET("/v1/accounts/{account}/statement.csv", { params, parseAs: "text" });
assert.match(made(csv), /\n/);
const statement = made(await bank.GET("/v1/accounts/{account}/statement", { params }));
assert.equal(statement.closing_balance_minor, 3_000_000_000 - 1_005);
const schedule = made(await bank.POST("/v1/schedules", {
  body: { ...ends, amount_minor: 9, first_at: "2999-01-01T00:00:00Z", every: "month" },
}));
assert.equal(schedule.status, "active");
console.log("the whole flow is done");
