/// How clients read.

export const authentications = {
  client_secret_basic: "a secret, in the Authorization header",
  client_secret_post: "a secret, in the form",
  private_key_jwt: "JWTs that it signs with its own key",
  none: "nothing: it is public, so PKCE guards its codes",
};

export const grants = {
  authorization_code: { label: "Authorization code", hint: "somebody lets it in, in their browser" },
  refresh_token: { label: "Refresh token", hint: "it goes on when they are away, with the scope offline_access" },
  client_credentials: { label: "Client credentials", hint: "it acts for itself; what it may do is its scopes" },
  "urn:ietf:params:oauth:grant-type:device_code": { label: "Device code", hint: "somebody lets it in from another device" },
};

export const grantLabel = (grant) => grants[grant]?.label ?? grant;

/// What people call such a client.
export const kinds = [
  { id: "web", label: "Web application", hint: "has a server that keeps a secret", authentication: "client_secret_basic",
    grants: ["authorization_code", "refresh_token"] },
  { id: "app", label: "App in a browser, on a phone or a desktop", hint: "cannot keep a secret", authentication: "none",
    grants: ["authorization_code", "refresh_token"] },
  { id: "machine", label: "Service or script", hint: "acts for itself, nobody signs in", authentication: "client_secret_basic",
    grants: ["client_credentials"] },
];

export const kindOf = (client) => {
  if (client.grants.includes("authorization_code")) return client.authentication === "none" ? "App" : "Web application";
  if (client.grants.includes("client_credentials")) return "Service or script";
  return "Device";
};

export const hasSecrets = (client) => client.authentication.startsWith("client_secret");

export const clientState = (client) => (client.enabled
  ? { label: "On", tone: "good", icon: "check" } : { label: "Off", tone: "bad", icon: "hand" });
