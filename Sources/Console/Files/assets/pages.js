/// The pages of the console, in the order of the navigation: the only list of them.
///
/// path        the first segment after /console/; what follows it is the page's own
/// permission  without which the page is not offered; the services check it in any case
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
];
