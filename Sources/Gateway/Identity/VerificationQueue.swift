import GravityIdentity
import NIOCore

/// Tokens of one event loop that are being verified: so many at a time, so many waiting, and each only once however
/// many requests bear it.
final class VerificationQueue {
  enum Outcome {
    case verified(VerifiedToken)
    case refused(TokenRefusal.Code)
  }
  typealias Completion = (Outcome) -> Void

  private let loop: any EventLoop
  private let verifier: any TokenVerifier
  private let concurrent: Int
  private let maximumWaiting: Int
  private let finish: (TokenDigest, Principal) -> VerifiedToken
  private var waiters: [TokenDigest: [Completion]] = [:]
  private var queue: [(TokenDigest, String)] = []
  private var running = 0

  /// - Parameter finish: Makes of the principal what is remembered.
  init(
    loop: any EventLoop, verifier: any TokenVerifier, limits: GatewayConfiguration.Limits,
    finish: @escaping (TokenDigest, Principal) -> VerifiedToken
  ) {
    self.loop = loop
    self.verifier = verifier
    concurrent = max(1, limits.concurrentVerifications)
    maximumWaiting = limits.waitingVerifications
    self.finish = finish
  }

  /// Verifies `token`; `completion` is called on the event loop, never before this returns.
  ///
  /// - Returns: false when too many wait already, and nothing will be called.
  func verify(_ token: String, _ digest: TokenDigest, _ completion: @escaping Completion) -> Bool {
    if waiters[digest] != nil {
      waiters[digest]?.append(completion)
      return true
    }
    guard running < concurrent || queue.count < maximumWaiting else { return false }
    waiters[digest] = [completion]
    if running < concurrent { start(token, digest) } else { queue.append((digest, token)) }
    return true
  }

  private func start(_ token: String, _ digest: TokenDigest) {
    running += 1
    let promise = loop.makePromise(of: Result<Principal, TokenRefusal>.self)
    promise.futureResult.assumeIsolated().whenSuccess { self.end($0, digest) }
    let verifier = verifier
    // The one hop of the data path: verification may have to fetch keys.
    Task {
      do throws(TokenRefusal) {
        promise.succeed(.success(try await verifier.verify(token)))
      } catch {
        promise.succeed(.failure(error))
      }
    }
  }

  private func end(_ result: Result<Principal, TokenRefusal>, _ digest: TokenDigest) {
    running -= 1
    let outcome: Outcome =
      switch result {
      case .success(let principal): .verified(finish(digest, principal))
      case .failure(let refusal): .refused(refusal.code)
      }
    for completion in waiters.removeValue(forKey: digest) ?? [] { completion(outcome) }
    if !queue.isEmpty {
      let (next, token) = queue.removeFirst()
      start(token, next)
    }
  }
}
