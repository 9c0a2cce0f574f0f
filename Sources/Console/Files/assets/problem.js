/// Why a request came to nothing: RFC 9457 as the platform's services answer it, or no answer at all.
export class Problem extends Error {
  constructor(status, fields = {}) {
    super(fields.title ?? (status === 0 ? "The platform cannot be reached" : `The answer was ${status}`));
    this.status = status;
    this.code = fields.code ?? (status === 0 ? "unreachable" : `http_${status}`);
    this.detail = fields.detail ?? null;
    this.requestID = fields.request_id ?? null;
    /// Seconds.
    this.retryAfter = fields.retry_after ?? null;
    /// What is wrong with which field: [{ field, code, message }].
    this.errors = Array.isArray(fields.errors) ? fields.errors : [];
    this.fields = fields;
  }

  static async of(response) {
    let fields = {};
    try {
      if ((response.headers.get("content-type") ?? "").includes("json")) fields = await response.json();
    } catch {
      // A body that is no JSON says nothing; the status does.
    }
    if (fields === null || typeof fields !== "object") fields = {};
    const after = Number(response.headers.get("retry-after"));
    if (fields.retry_after === undefined && after > 0) fields.retry_after = after;
    fields.request_id ??= response.headers.get("x-request-id") ?? undefined;
    return new Problem(response.status, fields);
  }

  static unreachable(error) {
    return new Problem(0, { detail: error?.message ? `The browser says: ${error.message}.` : undefined });
  }
}
