// npm oidc-provider on loopback: client credentials for three clients. It protects no resources of its own.
//   PORT, FULL_SECRET, NARROW_SECRET and FOREIGN_SECRET come from the environment.
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const { PORT, FULL_SECRET, NARROW_SECRET, FOREIGN_SECRET } = process.env;
const READ = 'organization:read';
const WRITE = 'organization:write';

// A client has one method of authentication here; the platform documents credentials in the body.
const client = (id, secret, ...scopes) => ({
  client_id: id,
  client_secret: secret,
  scope: scopes.join(' '),
  grant_types: ['client_credentials'],
  token_endpoint_auth_method: 'client_secret_post',
  redirect_uris: [],
  response_types: [],
});

const provider = new Provider(`http://127.0.0.1:${PORT}`, {
  clients: [
    client('ct-full', FULL_SECRET, READ, WRITE),
    client('ct-narrow', NARROW_SECRET, READ),
    client('ct-foreign', FOREIGN_SECRET, READ, WRITE),
  ],
  scopes: [READ, WRITE],
  routes: { token: '/oauth/token' },
  features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
});

createServer(provider.callback()).listen(Number(PORT), '127.0.0.1');
