import { openAccount } from "./account-detail.js";
import { openAccounts } from "./account-list.js";

/// /console/accounts and /console/accounts/ID
export async function open(context) {
  if (context.segments.length > 0) await openAccount(context, context.segments[0]);
  else await openAccounts(context);
}
