import Foundation
import PaymentServer
import Synchronization
import Testing

/// A provider whose answers get lost, or never come, as a test wants.
final class FaultyProvider: ActionCompletingProvider {
  enum Fault: Sendable, Hashable {
    case none
    /// Nothing reaches the provider.
    case lostOnTheWay
    /// The provider does it, and the answer is lost.
    case lostOnTheWayBack
    /// The provider says no for good.
    case refuses(String)
    /// As if the process died: what was asked never returns, before or after it was done.
    case diesBefore, diesAfter
  }
  enum Operation: Sendable, Hashable, CaseIterable { case authorize, capture, void, refund, retrieve, completeAction }
  struct Lost: Error {}

  private struct State {
    var faults: [Operation: Fault] = [:]
    var calls: [String] = []
    var hanging: [CheckedContinuation<Void, Never>] = []
    var isReleased = false
  }
  private let state = Mutex(State())
  private let simulator: Simulator
  init(_ simulator: Simulator) { self.simulator = simulator }

  var name: String { simulator.name }
  /// What reached the provider, by key, in order; queries are left out.
  var calls: [String] { state.withLock { $0.calls } }
  /// How many calls never return.
  var hanging: Int { state.withLock { $0.hanging.count } }

  func fail(_ operations: Operation..., with fault: Fault) {
    state.withLock { for operation in operations { $0.faults[operation] = fault } }
  }
  /// From now on nothing reaches the provider.
  func goSilent() { state.withLock { for operation in Operation.allCases { $0.faults[operation] = .lostOnTheWay } } }
  func recover() { state.withLock { $0.faults = [:] } }

  /// Lets what hangs end, so that the test can.
  func release() {
    let hanging = state.withLock { state in
      state.isReleased = true
      defer { state.hanging = [] }
      return state.hanging
    }
    for continuation in hanging { continuation.resume() }
  }

  func accepts(paymentMethod: String) -> Bool { simulator.accepts(paymentMethod: paymentMethod) }
  func authorize(_ request: ProviderAuthorization) async throws -> ProviderAnswer {
    try await pass(.authorize, request.key) { try await $0.authorize(request) }
  }
  func capture(_ request: ProviderChange) async throws -> ProviderAnswer {
    try await pass(.capture, request.key) { try await $0.capture(request) }
  }
  func void(_ request: ProviderChange) async throws -> ProviderAnswer {
    try await pass(.void, request.key) { try await $0.void(request) }
  }
  func refund(_ request: ProviderChange) async throws -> ProviderAnswer {
    try await pass(.refund, request.key) { try await $0.refund(request) }
  }
  func retrieve(_ query: ProviderQuery) async throws -> ProviderAnswer {
    try await pass(.retrieve, nil) { try await $0.retrieve(query) }
  }
  func completeAction(key: String, succeeds: Bool) async throws -> ProviderAnswer {
    try await pass(.completeAction, key) { try await $0.completeAction(key: key, succeeds: succeeds) }
  }
  func webhook(_ delivery: WebhookDelivery) throws -> ProviderNotice { try simulator.webhook(delivery) }

  private func pass(
    _ operation: Operation, _ key: String?, _ body: (Simulator) async throws -> ProviderAnswer
  ) async throws -> ProviderAnswer {
    let fault = state.withLock { $0.faults[operation] ?? .none }
    switch fault {
    case .lostOnTheWay: throw Lost()
    case .refuses(let code): return .failed(ProviderRefusal(code: code, message: "No."))
    case .diesBefore: try await hang()
    case .none, .lostOnTheWayBack, .diesAfter: break
    }
    if let key { state.withLock { $0.calls.append(key) } }
    let answer = try await body(simulator)
    switch fault {
    case .lostOnTheWayBack: throw Lost()
    case .diesAfter: try await hang()
    case .none, .lostOnTheWay, .refuses, .diesBefore: break
    }
    return answer
  }

  private func hang() async throws {
    await withCheckedContinuation { continuation in
      let isReleased = state.withLock { state in
        if !state.isReleased { state.hanging.append(continuation) }
        return state.isReleased
      }
      if isReleased { continuation.resume() }
    }
    throw Lost()
  }
}
