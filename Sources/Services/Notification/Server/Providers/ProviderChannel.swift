import Foundation
import GravityContracts
import GravityData
import Logging
import NotificationAPI

/// Text messages, or push messages to each of a user's devices, by providers.
struct ProviderChannel: Channel {
  let kind: DeliveryChannel
  let chain: ProviderChain
  let core: NotificationCore

  /// Requests under way at a time.
  private static let width = 32

  var route: String { chain.route }

  func send(_ messages: [ChannelMessage]) async -> [SendOutcome] {
    let requests = messages.flatMap { message in
      kind == .sms
        ? [ProviderRequest(sms: message)] : message.devices.map { ProviderRequest(push: message, to: $0) }
    }
    let answers = await ask(requests)
    await forgetGone(answers)
    return messages.map { message in
      kind == .sms
        ? Self.outcome(answers[message.id.lowercased])
        : Self.outcome(message.devices.map { answers[ProviderRequest(push: message, to: $0).id] })
    }
  }

  /// Providers forget by themselves what they were told; we keep nothing beside the messages.
  func erase(_ ids: [UUID]) async throws {}

  private func ask(_ requests: [ProviderRequest]) async -> [String: ProviderAnswer] {
    await withTaskGroup(of: (String, ProviderAnswer).self) { group in
      var rest = requests.makeIterator()
      func askNext() {
        guard let request = rest.next() else { return }
        group.addTask { (request.id, await chain.send(request)) }
      }
      for _ in 0..<Self.width { askNext() }
      var answers: [String: ProviderAnswer] = [:]
      while let (id, answer) = await group.next() {
        answers[id] = answer
        askNext()
      }
      return answers
    }
  }

  private static func outcome(_ answer: ProviderAnswer?) -> SendOutcome {
    switch answer {
    case .accepted(let by): .handedOver(by)
    case .troubled(let reason): .failed(reason)
    case .refused(let reason): .bounced(reason)
    case .gone(let reason): .noMailbox(reason)
    case nil: .failed("nobody was asked")
    }
  }

  /// Somebody is told when one device is. Only when none is, and one may be later, it is tried again.
  private static func outcome(_ answers: [ProviderAnswer?]) -> SendOutcome {
    var (taken, troubles, refusals) = ([String](), [String](), [String]())
    for answer in answers {
      switch answer {
      case .accepted(let by): taken.append(by)
      case .troubled(let reason): troubles.append(reason)
      case .refused(let reason), .gone(let reason): refusals.append(reason)
      case nil: troubles.append("nobody was asked")
      }
    }
    if !taken.isEmpty { return .handedOver(taken.joined(separator: "; ")) }
    if !troubles.isEmpty { return .failed(troubles.joined(separator: "; ")) }
    return .bounced(refusals.joined(separator: "; "))
  }

  /// Devices that a provider knows no more are dropped. One that cannot be now is at the next message.
  private func forgetGone(_ answers: [String: ProviderAnswer]) async {
    let gone = answers.compactMap { id, answer -> UUID? in
      guard case .gone = answer else { return nil }
      return ProviderRequest.ids(id)?.device
    }
    guard !gone.isEmpty else { return }
    do {
      try await core.database.write { transaction in
        for device in gone { _ = try DeviceStore(transaction).delete(device) }
      }
    } catch {
      core.logger.warning("devices cannot be dropped", metadata: ["error.message": "\(error)"])
    }
  }
}
