import Foundation
import GravityContracts
import NotificationAPI
import Synchronization

/// The providers of one channel, asked one after another until one takes the message or refuses it for good.
///
/// One that failed several times in a row is put aside: it is asked last, until its time is over or it has taken
/// something. So a message is never kept from the only provider there is, and does not wait for one that is down.
final class ProviderChain: Sendable {
  private struct Health {
    var failures = 0
    var asideUntil = Date.distantPast
  }
  private let providers: [MessageProvider]
  private let http: any OutgoingHTTP
  private let now: @Sendable () -> Date
  private let health: Mutex<[String: Health]> = Mutex([:])

  /// Failures in a row that put a provider aside.
  static let patience = 3
  /// Seconds, doubled with every failure more.
  static let firstPause: TimeInterval = 30
  static let greatestPause: TimeInterval = 300

  init(_ providers: [MessageProvider], http: any OutgoingHTTP, now: @escaping @Sendable () -> Date) {
    self.providers = providers
    self.http = http
    self.now = now
  }

  func send(_ request: ProviderRequest) async -> ProviderAnswer {
    let body: [UInt8]
    do { body = try request.body } catch { return .refused("it cannot be written: \(error)") }
    var troubles: [String] = []
    for provider in order {
      let time = now()
      var headers = WebhookSignature.headers(request.id, at: time, body: body, secrets: [provider.secret])
      headers["content-type"] = "application/json"
      headers["idempotency-key"] = request.id
      headers["user-agent"] = "Gravity-Notification/1"
      let answer = ProviderAnswer(
        await http.post(
          OutgoingRequest(url: provider.url, headers: headers, body: body, timeout: provider.timeout)))
      note(answer, of: provider)
      switch answer {
      case .troubled(let reason): troubles.append("\(provider.name): \(reason)")
      case .accepted(let id): return .accepted("\(provider.name) as \(id)")
      case .refused(let reason): return .refused("\(provider.name): \(reason)")
      case .gone(let reason): return .gone("\(provider.name): \(reason)")
      }
    }
    return .troubled(troubles.joined(separator: "; "))
  }

  var route: String {
    let time = now()
    return order.map { provider in
      let until = health.withLock { $0[provider.name]?.asideUntil ?? .distantPast }
      return until > time ? "\(provider.name) (put aside until \(WireTime.string(until)))" : provider.name
    }.joined(separator: ", then ")
  }

  /// Those that are put aside come last, the one whose time is over first before the others.
  private var order: [MessageProvider] {
    let time = now()
    return health.withLock { health in
      let until = providers.map { health[$0.name]?.asideUntil ?? .distantPast }
      let places = providers.indices.sorted { one, other in
        let (first, second) = (
          until[one] > time ? until[one] : .distantPast, until[other] > time ? until[other] : .distantPast
        )
        return first != second ? first < second : one < other
      }
      return places.map { providers[$0] }
    }
  }

  private func note(_ answer: ProviderAnswer, of provider: MessageProvider) {
    let time = now()
    health.withLock { health in
      guard case .troubled = answer else {
        health[provider.name] = nil
        return
      }
      health[provider.name, default: Health()].failures += 1
      let more = health[provider.name, default: Health()].failures - Self.patience
      guard more >= 0 else { return }
      let pause = min(Self.firstPause * pow(2, Double(min(more, 10))), Self.greatestPause)
      health[provider.name]?.asideUntil = time + pause
    }
  }
}
