import { openTeam } from "./team-detail.js";
import { openTeams } from "./team-list.js";

/// /console/teams and /console/teams/ID
export async function open(context) {
  if (context.segments.length > 0) await openTeam(context, context.segments[0]);
  else await openTeams(context);
}
