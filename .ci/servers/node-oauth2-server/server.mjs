// npm @node-oauth/oauth2-server under its own Express adapter, on loopback, everything in memory.
//   PORT, FULL_SECRET, NARROW_SECRET and FOREIGN_SECRET come from the environment.
import OAuthServer from '@node-oauth/express-oauth-server';
import express from 'express';

const { PORT, FULL_SECRET, NARROW_SECRET, FOREIGN_SECRET } = process.env;
const READ = 'organization:read';
const WRITE = 'organization:write';

const clients = new Map([
  ['ct-full', { secret: FULL_SECRET, scopes: [READ, WRITE], organization: 'acme' }],
  ['ct-narrow', { secret: NARROW_SECRET, scopes: [READ], organization: 'acme' }],
  ['ct-foreign', { secret: FOREIGN_SECRET, scopes: [READ, WRITE], organization: 'globex' }],
]);
const tokens = new Map();
const within = (asked, had) => asked.every((scope) => had.includes(scope));

// What the library asks its user for: the storage, and the two decisions about scopes.
const model = {
  async getClient(id, secret) {
    const found = clients.get(id);
    return found?.secret === secret && { id, grants: ['client_credentials'], ...found };
  },
  async getUserFromClient({ id }) {
    return { id };
  },
  async saveToken(token, client, user) {
    const saved = { ...token, client, user };
    tokens.set(token.accessToken, saved);
    return saved;
  },
  async getAccessToken(text) {
    return tokens.get(text);
  },
  async validateScope(user, client, asked) {
    if (!asked) return client.scopes;
    return within(asked, client.scopes) && asked;
  },
  async verifyScope(token, needed) {
    return within(needed, token.scope);
  },
};

const oauth = new OAuthServer({ model });
const ownOrganization = (request, response, next) =>
  response.locals.oauth.token.client.organization === 'acme' ? next() : response.status(403).json({ error: 'forbidden' });
const organization = (request, response) => response.json({ slug: 'acme' });

const app = express();
app.use(express.urlencoded({ extended: false }));
app.post('/oauth/token', oauth.token());
app.get('/api/org', oauth.authenticate({ scope: READ }), ownOrganization, organization);
app.get('/api/org-write', oauth.authenticate({ scope: WRITE }), ownOrganization, organization);
app.listen(Number(PORT), '127.0.0.1');
