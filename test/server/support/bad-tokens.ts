/**
 * Tokens that must let nobody in, each wrong in one way (reliability anchors, A1; RFC 8725). Dates are wrong by minutes: a
 * slow test takes some; the edges are test/contract/auth-jwt.test.ts's.
 */
import { createSecretKey } from 'node:crypto';
import {
  AUDIENCE,
  base64url,
  claimsOf,
  goodToken,
  headerOf,
  hmac,
  type Json,
  madeToken,
  type TestIssuer,
} from './made-tokens.ts';

export type BadToken = readonly [what: string, token: string];

const DAY_S = 86_400;

/** Of one issuer; `others` are configured, too, with keys of their own. */
export function badTokens(issuer: TestIssuer, others: readonly TestIssuer[], nowS: number): BadToken[] {
  const { algorithm, signer, stranger } = issuer;
  const claims = claimsOf(issuer, nowS);
  const good = goodToken(issuer, nowS);
  const [head, body, signature] = good.split('.') as [string, string, string];
  const withClaims = (more: Json): string => goodToken(issuer, nowS, more);
  const withHeader = (more: Json): string => goodToken(issuer, nowS, {}, more);
  const without = (name: string): string => {
    const { [name]: _, ...rest } = claims;
    return madeToken(headerOf(issuer), rest, signer);
  };
  const flipped = (part: string): string => (part.startsWith('A') ? 'B' : 'A') + part.slice(1);
  const flippedMiddle = (part: string): string => {
    const at = part.length >> 1;
    return part.slice(0, at) + (part[at] === 'A' ? 'B' : 'A') + part.slice(at + 1);
  };
  const elsewhere = others.filter((other) => other.issuer !== issuer.issuer);
  return [
    // ── no signature ──
    ...['none', 'None', 'NONE', 'nOnE', ''].flatMap((alg): BadToken[] => [
      [`alg ${alg || 'empty'}, no signature`, madeToken(headerOf(issuer, { alg }), claims, () => '')],
      [`alg ${alg || 'empty'}, the signature left on`, madeToken(headerOf(issuer, { alg }), claims, signer)],
    ]),
    ['no alg', madeToken({ typ: 'JWT' }, claims, signer)],
    ['an alg that is no text', withHeader({ alg: [algorithm] })],
    ['an empty signature', `${head}.${body}.`],
    ['no signature part', `${head}.${body}`],
    ['a signature of zeros', `${head}.${body}.${base64url(new Uint8Array(64))}`],
    ['half a signature', `${head}.${body}.${signature.slice(0, signature.length >> 1)}`],
    ['a signature and more', `${head}.${body}.${signature}AAAA`],
    // ── another signature ──
    ['another key of the same kind', madeToken(headerOf(issuer), claims, stranger)],
    [
      'the signature of another token',
      `${head}.${base64url(JSON.stringify({ ...claims, sub: 'bob' }))}.${signature}`,
    ],
    ['a changed header', `${flippedMiddle(head)}.${body}.${signature}`],
    ['changed claims', `${head}.${flippedMiddle(body)}.${signature}`],
    ['a changed signature', `${head}.${body}.${flipped(signature)}`],
    ['a signature with a changed middle', `${head}.${body}.${flippedMiddle(signature)}`],
    ...(issuer.misshapen
      ? [['a signature in DER', madeToken(headerOf(issuer), claims, issuer.misshapen)] as const]
      : []),
    // ── confused algorithms ──
    ...[
      'HS256',
      'HS384',
      'HS512',
      'RS256',
      'RS512',
      'PS256',
      'ES256',
      'ES384',
      'ES256K',
      'EdDSA',
      'A128GCM',
      'dir',
    ]
      .filter((alg) => alg !== algorithm)
      .map((alg): BadToken => [`alg ${alg} on a signature by ${algorithm}`, withHeader({ alg })]),
    ...confusedWithSecret(issuer, claims),
    ...elsewhere.flatMap((other): BadToken[] => [
      [`signed by ${other.issuer}`, madeToken(headerOf(other), claims, other.signer)],
      [`signed by ${other.issuer}, with our header`, madeToken(headerOf(issuer), claims, other.signer)],
      [`of ${other.issuer}, signed by us`, madeToken(headerOf(other), claimsOf(other, nowS), signer)],
    ]),
    // ── keys of its own choice ──
    [
      'a key in its header',
      madeToken(
        headerOf(issuer, { jwk: { kty: 'oct', k: base64url('x'.repeat(32)) } }),
        claims,
        hmac('x'.repeat(32)),
      ),
    ],
    ['a key in its header, signed well', withHeader({ jwk: { kty: 'oct', k: 'AAAA' } })],
    ['a URL of keys in its header', withHeader({ jku: 'http://127.0.0.1:1/jwks.json' })],
    ['a URL of a certificate in its header', withHeader({ x5u: 'http://127.0.0.1:1/cert.pem' })],
    [
      'a kid that is a path, and an empty secret',
      madeToken(headerOf(issuer, { alg: 'HS256', kid: '../../../../dev/null' }), claims, hmac('')),
    ],
    [
      'a kid that is SQL',
      madeToken(headerOf(issuer, { kid: "x' UNION SELECT 'secret' -- " }), claims, hmac('secret')),
    ],
    ['a kid that is a URL', madeToken(headerOf(issuer, { kid: 'http://127.0.0.1:1/key' }), claims, stranger)],
    ['a kid that is __proto__', madeToken(headerOf(issuer, { kid: '__proto__' }), claims, stranger)],
    ['a kid that is a number', withHeader({ kid: 1 })],
    ['a kid that is a list', withHeader({ kid: ['a'] })],
    ['a kid that is null', withHeader({ kid: null })],
    ['a kid without end', withHeader({ kid: 'k'.repeat(300) })],
    // ── headers that change what is meant ──
    ['crit', withHeader({ crit: ['exp'], exp: nowS + 600 })],
    ['crit that is empty', withHeader({ crit: [] })],
    ['b64 false', withHeader({ b64: false })],
    ['zip', withHeader({ zip: 'DEF' })],
    ['enc', withHeader({ enc: 'A128GCM' })],
    ...['JWE', 'JOSE', 'logout+jwt', 'dpop+jwt', 'id+jwt', 'secevent+jwt', '', 5, null, ['JWT']].map(
      (typ): BadToken => [`typ ${JSON.stringify(typ)}`, withHeader({ typ })],
    ),
    // ── dates ──
    ['exp a second ago', withClaims({ iat: nowS - 600, exp: nowS - 1 })],
    ['exp within the skew', withClaims({ iat: nowS - 600, exp: nowS - 20 })],
    ['exp long ago', withClaims({ iat: nowS - 9_000, exp: nowS - 8_000 })],
    ['exp now', withClaims({ iat: nowS - 600, exp: nowS })],
    ['no exp', without('exp')],
    ...['600', '', null, true, [nowS + 600], {}, -1, 0, 1e300].map(
      (exp): BadToken => [`exp ${JSON.stringify(exp)}`, withClaims({ exp })],
    ),
    ['exp beyond the longest life', withClaims({ exp: nowS + DAY_S + 31 })],
    [
      'exp beyond the longest life, without iat',
      madeToken(headerOf(issuer), { ...claims, iat: undefined, exp: nowS + DAY_S + 3_600 }, signer),
    ],
    ['nbf beyond the skew', withClaims({ nbf: nowS + 500 })],
    ['nbf that is text', withClaims({ nbf: String(nowS) })],
    ['iat beyond the skew', withClaims({ iat: nowS + 500, exp: nowS + 600 })],
    ['iat that is text', withClaims({ iat: String(nowS) })],
    ['iat below zero', withClaims({ iat: -1 })],
    // ── whose, and for whom ──
    ['no iss', without('iss')],
    ...[
      'https://evil.test',
      `${issuer.issuer}/`,
      issuer.issuer.toUpperCase(),
      ` ${issuer.issuer}`,
      [issuer.issuer],
      7,
      null,
      '__proto__',
    ].map((iss): BadToken => [`iss ${JSON.stringify(iss)}`, withClaims({ iss })]),
    ['no aud', without('aud')],
    ...[
      'another',
      `${AUDIENCE}.evil`,
      AUDIENCE.slice(0, -1),
      AUDIENCE.toUpperCase(),
      '',
      [],
      ['another', 'more'],
      { aud: AUDIENCE },
      7,
      null,
    ].map((aud): BadToken => [`aud ${JSON.stringify(aud)}`, withClaims({ aud })]),
    ['no sub', without('sub')],
    ...['', 7, null, ['alice'], 'x'.repeat(129), 'a\nb', 'a\u0000', 'half \ud800', 'of-an-api-key'].map(
      (sub): BadToken => [`sub ${JSON.stringify(sub).slice(0, 20)}`, withClaims({ sub })],
    ),
    ...['dev', 'server', 'admin', '', 7, null, ['browser'], { browser: true }, '__proto__'].flatMap(
      (role): BadToken[] => [[`the role ${JSON.stringify(role)}`, withClaims({ ringhub: { role } })]],
    ),
    ['the role dev, named flat', withClaims({ 'ringhub.role': 'dev' })],
    ...[null, 'all', {}, [{ allow: ['everything'] }], [{ allow: ['publish'], keys: ['a.#.#.#'] }]].map(
      (permissions): BadToken => [
        `the permissions ${JSON.stringify(permissions)}`,
        withClaims({ ringhub: { permissions } }),
      ],
    ),
    // ── form ──
    [
      'a claim twice',
      madeToken(headerOf(issuer), JSON.stringify(claims).replace('{', '{"sub":"bob",'), signer),
    ],
    [
      'a claim twice, once spelled otherwise',
      madeToken(headerOf(issuer), JSON.stringify(claims).replace('{', '{"su\\u0062":"bob",'), signer),
    ],
    [
      'a claim twice further in',
      madeToken(
        headerOf(issuer),
        JSON.stringify(claims).replace('{', '{"ringhub":{"role":"browser","role":"server"},'),
        signer,
      ),
    ],
    [
      'a header twice',
      madeToken(JSON.stringify(headerOf(issuer)).replace('{', '{"alg":"none",'), claims, signer),
    ],
    ...[
      '[]',
      'null',
      '"alice"',
      '7',
      '',
      'no JSON',
      '{',
      JSON.stringify(claims).slice(0, -1),
      `${JSON.stringify(claims)}x`,
    ].map(
      (text): BadToken => [
        `claims that are ${text.slice(0, 10) || 'nothing'}`,
        madeToken(headerOf(issuer), text, signer),
      ],
    ),
    ['claims that are no UTF-8', notUtf8(issuer, claims)],
    [
      'claims with a byte order mark',
      madeToken(headerOf(issuer), `\ufeff\ufeff${JSON.stringify(claims)}`, signer),
    ],
    ['a header that is no object', madeToken('[]', claims, signer)],
    ['four parts', `${good}.${signature}`],
    ['five parts', `${head}.${body}.${signature}.${signature}.${signature}`],
    ['one part', head],
    ['padding', `${head}=.${body}.${signature}`],
    ['a space within', `${head}. ${body}.${signature}`],
    ['a line break behind', `${good}\n`],
    ['standard base64', `${head}.${body}.${signature.slice(0, -2)}+/`],
    ['nothing but dots', '..'],
    ['too long', withClaims({ filler: 'x'.repeat(8_000) })],
    ['huge claims', `${head}.${'A'.repeat(7_900)}.${signature}`],
    ['deep claims', madeToken(headerOf(issuer), `${'{"a":'.repeat(900)}1${'}'.repeat(900)}`, signer)],
  ];
}

/** Public keys taken for the secret of an HMAC, in every form somebody may have them in. */
function confusedWithSecret(issuer: TestIssuer, claims: Json): BadToken[] {
  const { publicKey } = issuer;
  const header = headerOf(issuer, { alg: 'HS256' });
  if (!publicKey) {
    return [
      ['an empty secret', madeToken(header, claims, hmac(''))],
      ['a secret that is the issuer', madeToken(header, claims, hmac(issuer.issuer))],
      [
        'a secret that is the secret’s key object',
        madeToken(header, claims, hmac(createSecretKey(Buffer.from('secret')).export())),
      ],
    ];
  }
  const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string;
  const der = publicKey.export({ type: 'spki', format: 'der' });
  const jwk = publicKey.export({ format: 'jwk' });
  const forms: (readonly [string, string | Uint8Array])[] = [
    ['its PEM', pem],
    ['its PEM without the last line break', pem.trim()],
    ['its PEM with other line breaks', pem.replaceAll('\n', '\r\n')],
    ['its DER', der],
    ['its DER in base64', der.toString('base64')],
    ['its JWK', JSON.stringify(jwk)],
    ['its modulus or point', Buffer.from(jwk.n ?? jwk.x ?? '', 'base64url')],
  ];
  return forms.map(([what, secret]) => [`HS256 with ${what}`, madeToken(header, claims, hmac(secret))]);
}

function notUtf8(issuer: TestIssuer, claims: Json): string {
  const bytes = Buffer.from(JSON.stringify({ ...claims, sub: 'ali?e' }));
  bytes[bytes.indexOf('?')] = 0xff;
  const input = `${base64url(JSON.stringify(headerOf(issuer)))}.${base64url(bytes)}`;
  return `${input}.${issuer.signer(input)}`;
}
