// npm oidc-provider on loopback: client credentials for three clients, access tokens that are JWTs (RFC 9068), and two
// resources behind npm jose, which verifies them by the keys that the provider publishes.
//   PORT, FULL_SECRET, NARROW_SECRET and FOREIGN_SECRET come from the environment.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { Provider } from 'oidc-provider';

const { PORT, FULL_SECRET, NARROW_SECRET, FOREIGN_SECRET } = process.env;
const ISSUER = `http://127.0.0.1:${PORT}`;
const AUDIENCE = 'https://api.example';
const READ = 'organization:read';
const WRITE = 'organization:write';
const ALGORITHM = 'ES256';

// A client has one method of authentication here; the platform documents credentials in the body.
const client = (id, secret, ...scopes) => ({
  client_id: id,
  client_secret: secret,
  scope: scopes.join(' '),
  grant_types: ['client_credentials'],
  token_endpoint_auth_method: 'client_secret_post',
  id_token_signed_response_alg: ALGORITHM,
  redirect_uris: [],
  response_types: [],
});

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const provider = new Provider(ISSUER, {
  clients: [
    client('ct-full', FULL_SECRET, READ, WRITE),
    client('ct-narrow', NARROW_SECRET, READ),
    client('ct-foreign', FOREIGN_SECRET, READ, WRITE),
  ],
  scopes: [READ, WRITE],
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'first', use: 'sig', alg: ALGORITHM }] },
  routes: { token: '/oauth/token', jwks: '/jwks' },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => AUDIENCE,
      getResourceServerInfo: () => ({
        scope: `${READ} ${WRITE}`,
        audience: AUDIENCE,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: ALGORITHM } },
      }),
    },
  },
});

const keys = createRemoteJWKSet(new URL(`${ISSUER}/jwks`));
const resources = { '/api/org': READ, '/api/org-write': WRITE };

const answer = (response, status, body, challenge) => {
  if (challenge) response.setHeader('WWW-Authenticate', challenge);
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(response.req.method === 'HEAD' ? undefined : JSON.stringify(body));
};

// The organization of the clients, to them alone.
const serve = async (request, response, scope) => {
  const fields = request.headersDistinct.authorization ?? [];
  if (!fields.length) return answer(response, 401, { error: 'unauthorized' }, 'Bearer realm="api"');
  const token = fields.length === 1 && /^bearer +([\w.~+/-]+=*)$/i.exec(fields[0])?.[1];
  const options = { issuer: ISSUER, audience: AUDIENCE, typ: 'at+jwt', algorithms: [ALGORITHM] };
  const verified = token && (await jwtVerify(token, keys, options).catch(() => null));
  if (!verified) return answer(response, 401, { error: 'invalid_token' }, 'Bearer realm="api", error="invalid_token"');
  const { scope: granted = '', client_id: caller } = verified.payload;
  if (!granted.split(' ').includes(scope))
    return answer(response, 403, { error: 'insufficient_scope' }, 'Bearer realm="api", error="insufficient_scope"');
  if (caller === 'ct-foreign') return answer(response, 403, { error: 'forbidden' });
  if (!['GET', 'HEAD'].includes(request.method)) {
    response.setHeader('Allow', 'GET, HEAD');
    return answer(response, 405, { error: 'method_not_allowed' });
  }
  return answer(response, 200, { slug: 'acme' });
};

const provide = provider.callback();
createServer((request, response) => {
  const scope = resources[request.url.split('?')[0]];
  return scope ? serve(request, response, scope) : provide(request, response);
}).listen(Number(PORT), '127.0.0.1');
