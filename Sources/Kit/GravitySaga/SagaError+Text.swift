import Foundation

/// What an error says, fit for a row that people read: bounded, and without what looks like a secret.
///
/// Errors of clients quote addresses and headers. Whoever throws one is to leave secrets out; this is the net below.
enum SagaErrorText {
  static func text(of error: any Error) -> String { clean("\(error)") }

  static func clean(_ text: String) -> String {
    // Bounded first: what is to be searched may be a whole reply.
    var text = text.bounded(to: 2_000)
    text.replace(/eyJ[A-Za-z0-9_\-]{8,}(\.[A-Za-z0-9_\-]+){0,2}/, with: "…")
    text.replace(/:\/\/[^\/\s@:]*:[^\/\s@]*@/, with: "://…@")
    text.replace(/(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+\/=\-]+/) { "\($0.output.1) …" }
    text.replace(
      /(?i)\b([a-z_\-]*(?:password|passwd|secret|token|api[_\-]?key|authorization|client_secret))"?\s*[=:]\s*"?(?!bearer|basic|…)[^\s"&,;)}\]]+/
    ) { "\($0.output.1)=…" }
    return text.bounded(to: 500)
  }
}
