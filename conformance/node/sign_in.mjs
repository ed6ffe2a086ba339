// Signs in with stock clients of Node. What a person has to do is printed, one JSON object a line, and done by the
// test; what came of it is the last line.
import { ClientSecretCredential } from "@azure/identity";
import { ConfidentialClientApplication, CryptoProvider, PublicClientApplication } from "@azure/msal-node";
import * as openid from "openid-client";
import { createInterface } from "node:readline/promises";

const [mode, text] = process.argv.slice(2);
const settings = JSON.parse(text);
const say = (what) => console.log(JSON.stringify(what));
const auth = (more) => ({
  auth: {
    clientId: settings.clientId,
    authority: `${settings.authority}/${settings.tenant}`,
    knownAuthorities: [new URL(settings.authority).host],
    ...more,
  },
});

async function answered() {
  const lines = createInterface({ input: process.stdin });
  for await (const line of lines) {
    lines.close();
    return line;
  }
}

const modes = {
  async secret() {
    const client = new ConfidentialClientApplication(auth({ clientSecret: settings.clientSecret }));
    const result = await client.acquireTokenByClientCredential({ scopes: settings.scopes });
    return { accessToken: result.accessToken };
  },
  async identity() {
    const credential = new ClientSecretCredential(settings.tenant, settings.clientId, settings.clientSecret, {
      authorityHost: settings.authority,
      disableInstanceDiscovery: true,
    });
    return { accessToken: (await credential.getToken(settings.scopes)).token };
  },
  async device() {
    const client = new PublicClientApplication(auth());
    const result = await client.acquireTokenByDeviceCode({
      scopes: settings.scopes,
      deviceCodeCallback: (device) => say({ page: device.verificationUri, code: device.userCode }),
    });
    const [account] = await client.getTokenCache().getAllAccounts();
    const renewed = await client.acquireTokenSilent({ account, scopes: settings.scopes, forceRefresh: true });
    return { accessToken: renewed.accessToken, username: account.username, renewed: renewed.accessToken !== result.accessToken };
  },
  async code() {
    const client = new PublicClientApplication(auth());
    const { verifier, challenge } = await new CryptoProvider().generatePkceCodes();
    const request = { scopes: settings.scopes, redirectUri: settings.redirectUri };
    say({ url: await client.getAuthCodeUrl({ ...request, codeChallenge: challenge, codeChallengeMethod: "S256" }) });
    const code = new URL(await answered()).searchParams.get("code");
    const result = await client.acquireTokenByCode({ ...request, code, codeVerifier: verifier });
    return { accessToken: result.accessToken, username: result.account.username };
  },
  async openid() {
    const server = new URL(`${settings.authority}/${settings.tenant}/v2.0`);
    const config = await openid.discovery(server, settings.clientId, settings.clientSecret);
    const verifier = openid.randomPKCECodeVerifier();
    const [state, nonce] = [openid.randomState(), openid.randomNonce()];
    const url = openid.buildAuthorizationUrl(config, {
      redirect_uri: settings.redirectUri,
      scope: "openid profile email offline_access",
      code_challenge: await openid.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      state,
      nonce,
    });
    say({ url: url.href });
    const tokens = await openid.authorizationCodeGrant(config, new URL(await answered()), {
      pkceCodeVerifier: verifier,
      expectedState: state,
      expectedNonce: nonce,
    });
    const claims = tokens.claims();
    const info = await openid.fetchUserInfo(config, tokens.access_token, claims.sub);
    const renewed = await openid.refreshTokenGrant(config, tokens.refresh_token);
    return { username: claims.preferred_username, name: info.name, renewed: renewed.access_token !== tokens.access_token };
  },
};

say(await modes[mode]());
process.exit(0);
