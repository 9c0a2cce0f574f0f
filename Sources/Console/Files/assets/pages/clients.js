import { openClientForm } from "./client-form.js";
import { openClient } from "./client-detail.js";
import { openClients } from "./client-list.js";

/// /console/clients, /console/clients/new, /console/clients/ID and /console/clients/ID/edit
export async function open(context) {
  const [id, rest] = context.segments;
  if (!id) return openClients(context);
  if (id === "new") return openClientForm(context, null);
  if (rest === "edit") return openClientForm(context, id);
  await openClient(context, id);
}
