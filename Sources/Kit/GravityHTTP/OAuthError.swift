import GravityContracts

/// A problem as OAuth clients read it (RFC 6749 §5.2).
struct OAuthError: Encodable {
  let status: Int
  let error: String
  let description: String

  init(_ problem: Problem) {
    let fields = (problem.errors ?? []).map { "\($0.field) \($0.message)" }.joined(separator: "; ")
    let text = [problem.title, problem.detail ?? "", fields].filter { !$0.isEmpty }.joined(separator: ": ")
    // RFC 6749 §5.2 takes no others.
    description = String(text.filter { $0.isASCII && $0 != "\"" && $0 != "\\" && !$0.isNewline })
    switch problem.status {
    case 413, 414, 415, 422, 431: (status, error) = (400, "invalid_request")
    case 400 where problem.code.rawValue.hasPrefix("malformed"): (status, error) = (400, "invalid_request")
    case 503: (status, error) = (503, "temporarily_unavailable")
    case 500: (status, error) = (500, "server_error")
    default: (status, error) = (problem.status, problem.code.rawValue)
    }
  }

  enum CodingKeys: String, CodingKey {
    case error
    case description = "error_description"
  }
}
