/// The pages of the console, in the order of the navigation: the only list of them.
///
/// path        the first segment after /console/; what follows it is the page's own
/// permission  without which the page is not offered; null is for whoever is signed in; the services check it in any case
/// load        gives the module, whose `open(context)` fills `context.main`; see frame.js for the context
export const pages = [
  {
    path: "sagas", title: "Sagas", section: "Operations", icon: "steps", permission: "sagas:read",
    load: () => import("./pages/sagas.js"),
  },
  {
    path: "gateway", title: "Gateway", section: "Operations", icon: "gate", permission: "gateway:read",
    load: () => import("./pages/gateway.js"),
  },
  {
    path: "mail", title: "Mail", section: "Operations", icon: "mail", permission: "notifications:read",
    load: () => import("./pages/mail.js"),
  },
  {
    path: "accounts", title: "Accounts", section: "Access", icon: "people", permission: "accounts:read",
    load: () => import("./pages/accounts.js"),
  },
  {
    path: "roles", title: "Roles", section: "Access", icon: "shield", permission: "roles:read",
    load: () => import("./pages/roles.js"),
  },
  {
    path: "clients", title: "Clients", section: "Access", icon: "window", permission: "clients:read",
    load: () => import("./pages/clients.js"),
  },
  {
    path: "me", title: "Your account", section: "Yours", icon: "person", permission: null,
    load: () => import("./pages/me.js"),
  },
  {
    path: "data", title: "Your data", section: "Yours", icon: "file", permission: null,
    load: () => import("./pages/data.js"),
  },
  {
    path: "teams", title: "Teams", section: "Yours", icon: "team", permission: null,
    load: () => import("./pages/teams.js"),
  },
  {
    path: "keys", title: "API keys", section: "Yours", icon: "key", permission: null,
    load: () => import("./pages/keys.js"),
  },
];
