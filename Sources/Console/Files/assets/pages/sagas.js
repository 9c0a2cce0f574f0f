import { openSaga } from "./saga-detail.js";
import { openSagas } from "./saga-list.js";

/// /console/sagas and /console/sagas/ID
export async function open(context) {
  if (context.segments.length > 0) await openSaga(context, context.segments[0]);
  else await openSagas(context);
}
