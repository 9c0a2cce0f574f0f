import AuthAPI
import Foundation
import GravityContracts
import GravityData
public import GravityEvents
import OrderAPI
import UserAPI

/// What the service does when others tell it something: for each family of events the handlers of one consumer.
/// They hold in any order, and none takes a snapshot: nobody wants a mail about the past.
public struct ConsumedEvents: Sendable {
  let intake: Intake
  let erasure: Erasure

  /// Of the family `user`: accounts that were opened or are to be deleted, and people who are to be forgotten.
  public var ofUsers: [EventHandler] {
    [
      welcome,
      notice(UserEvents.deletionRequested, BuiltInTemplates.deletionRequested),
      notice(UserEvents.deletionCancelled, BuiltInTemplates.deletionCancelled),
      .on(UserEvents.erasureRequested) { event, transaction in
        try erasure.answer(event.payload.userID, in: transaction)
      },
      .on(UserEvents.userErased) { event, transaction in try erasure.erase(event.payload.userID, in: transaction) },
    ]
  }

  /// Once the account is open. Until then it may be anybody's who knows the address, which auth writes to by itself.
  private var welcome: EventHandler {
    let opens =
      intake.core.configuration.accountsOpenVerified ? AuthEvents.userVerified : AuthEvents.userRegistered
    return .on(opens) { event, transaction in
      let account = event.payload.accountID
      try intake.take(
        BuiltInTemplates.welcome, .account, for: account, about: account, onceKey: account.lowercased,
        in: transaction)
    }
  }

  /// It can be asked for and taken back again, so each event counts by itself.
  private func notice(_ type: EventType<UserEvent>, _ template: String) -> EventHandler {
    .on(type) { event, transaction in
      let user = event.payload.userID
      try intake.take(template, .account, for: user, about: user, onceKey: event.id.lowercased, in: transaction)
    }
  }

  /// Of the family `password`. It can change again, so each event counts by itself.
  public var ofPasswords: [EventHandler] {
    [
      .on(AuthEvents.passwordChanged) { event, transaction in
        let account = event.payload.accountID
        try intake.take(
          BuiltInTemplates.passwordChanged, .account, for: account, about: account, onceKey: event.id.lowercased,
          in: transaction)
      }
    ]
  }

  /// Of the family `token`. A session ends once, however often its old token comes.
  public var ofTokens: [EventHandler] {
    [
      .on(AuthEvents.tokenReuseDetected) { event, transaction in
        let account = event.payload.accountID
        try intake.take(
          BuiltInTemplates.signInSuspicious, .account, for: account, about: account,
          onceKey: event.payload.sessionID.lowercased, in: transaction)
      }
    ]
  }

  /// Of the family `order`.
  public var ofOrders: [EventHandler] {
    func on(_ type: EventType<OrderEvent>, _ template: String) -> EventHandler {
      .on(type) { event, transaction in
        let (order, user) = (event.payload.orderID, event.payload.userID)
        try intake.take(
          template, .order, for: user, about: order, onceKey: order.lowercased, in: transaction)
      }
    }
    return [
      on(OrderEvents.orderConfirmed, BuiltInTemplates.orderConfirmed),
      on(OrderEvents.orderCanceled, BuiltInTemplates.orderCanceled),
      on(OrderEvents.orderExpired, BuiltInTemplates.orderCanceled),
      on(OrderEvents.orderRefunded, BuiltInTemplates.orderRefunded),
    ]
  }
}
