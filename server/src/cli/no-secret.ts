/** What a hub says that has no secret, and so would let nobody in. */
export const NO_SECRET = `no tokens are configured, so nobody could be let in: choose one
  ringhub serve --dev                   to try it on this machine, with a random token
  ringhub config init                   to write a ringhub.yaml with a secret of its own
  ringhub serve --config ringhub.yaml   with auth.tokens: [{ tokenFile: …, subject: app, role: server }]
  RINGHUB_AUTH__TOKENS='[{"token":"…","subject":"app","role":"server"}]' ringhub serve`;
