import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityEvents
import Logging
import NotificationAPI
import OrderAPI
import Patience
import ServiceLifecycle
import Testbed
import Testing
import UserAPI
@testable import NotificationServer

@Suite struct EventTests {
  @Test(
    "an order that is confirmed leads to one mail, however often and in whatever way that is told",
    arguments: Engine.available)
  func once(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let user = notes.recipients.add("ada@example.org")
      let order = notes.orders.add(of: user)
      let event = OrderedIDs.next()
      for _ in 0..<3 { try await notes.confirmed(order, of: user, id: event) }
      #expect(try await notes.deliver() == 1)
      // Told again, and by an event with another id: a replay by hand, a producer that repeats itself.
      try await notes.confirmed(order, of: user, id: event)
      try await notes.confirmed(order, of: user)
      #expect(try await notes.deliver() == 0)
      let mails = try await notes.outbox()
      #expect(mails.count == 1 && notes.mail.mails.count == 1)
      let mail = try #require(mails.first)
      #expect(mail.recipient == "ada@example.org" && mail.template == "order.confirmed" && mail.templateVersion == 0)
      #expect(mail.subject == "Your order 7K3MQ-2XF9A is confirmed" && mail.state == .known(.sent))
      #expect(mail.about == order.lowercased && mail.userID == user && mail.sentAt == notes.clock.now)
      #expect(mail.body.contains("2 × T-shirt <M> & more (TSHIRT-M): 2,598.00\u{A0}EUR"))
      #expect(mail.body.contains("0.07\u{A0}EUR") && mail.body.contains("Total: 2,598.07\u{A0}EUR"))
      #expect(mail.html?.contains("T-shirt &lt;M&gt; &amp; more") == true)
      #expect(try await notes.told(of: mail.notificationID) == ["queued", "sent"])
      // Another order of the same buyer is another mail.
      try await notes.confirmed(notes.orders.add(of: user), of: user)
      #expect(try await notes.deliver() == 1)
      #expect(try await notes.outbox("about=\(order.lowercased)").map(\.id) == [mail.id])
    }
  }

  @Test("many who hear of one order at once make one notification", arguments: Engine.available)
  func together(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let user = notes.recipients.add("ada@example.org")
      let order = notes.orders.add(of: user)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<12 { group.addTask { try await notes.confirmed(order, of: user) } }
        try await group.waitForAll()
      }
      #expect(try await notes.count("notifications") == 1)
      #expect(try await notes.count("deliveries") == 1)
    }
  }

  @Test("each kind of event has its mail, and what can happen again has one each time", arguments: Engine.available)
  func kinds(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let user = notes.recipients.add("ada@example.org")
      let session = OrderedIDs.next()
      for _ in 0..<2 {
        try await notes.hear(AuthEvents.userRegistered, AccountEvent(accountID: user))
        try await notes.hear(AuthEvents.passwordChanged, AccountEvent(accountID: user))
        try await notes.hear(AuthEvents.tokenReuseDetected, SessionEvent(accountID: user, sessionID: session))
      }
      for (type, reason) in [
        (OrderEvents.orderCanceled, "insufficient_stock"), (OrderEvents.orderCanceled, "payment_declined"),
        (OrderEvents.orderExpired, "payment_expired"),
      ] {
        let order = notes.orders.add(of: user) { $0.cancelReason = reason }
        try await notes.hear(type, OrderEvent(orderID: order, userID: user))
      }
      let refunded = OrderEvent(orderID: notes.orders.add(of: user), userID: user)
      for _ in 0..<2 {
        try await notes.hear(OrderEvents.orderRefunded, refunded)
        try await notes.hear(UserEvents.deletionRequested, UserEvent(userID: user))
        try await notes.hear(UserEvents.deletionCancelled, UserEvent(userID: user))
      }
      try await notes.deliver()
      let mails = try await notes.outbox()
      let byTemplate = Dictionary(grouping: mails, by: \.template).mapValues(\.count)
      #expect(
        byTemplate == [
          "welcome": 1, "password.changed": 2, "sign_in.suspicious": 1, "order.canceled": 3, "order.refunded": 1,
          "account.deletion_requested": 2, "account.deletion_cancelled": 2,
        ])
      for sentence in [
        "Not enough of what you ordered was left.", "The payment was declined.",
        "The payment was not finished in time.", "we gave back 2,598.07\u{A0}EUR: all that was paid",
      ] {
        #expect(mails.filter { $0.body.contains(sentence) }.count == 1, "\(sentence)")
      }
      #expect(mails.allSatisfy { $0.recipient == "ada@example.org" && $0.body.contains("Ada Lovelace") })
    }
  }

  @Test(
    "where addresses have to be proved nobody is welcomed before, and once after that", arguments: Engine.available)
  func welcomesVerified(_ engine: Engine) async throws {
    for isVerified in [true, false] {
      try await NotificationFixture.run(on: engine, { $0.accountsOpenVerified = isVerified }) { notes in
        let user = notes.recipients.add("ada@example.org")
        try await notes.hear(AuthEvents.userRegistered, AccountEvent(accountID: user))
        #expect(try await notes.deliver() == (isVerified ? 0 : 1))
        for _ in 0..<2 { try await notes.hear(AuthEvents.userVerified, AccountEvent(accountID: user)) }
        #expect(try await notes.deliver() == (isVerified ? 1 : 0))
        #expect(try await notes.outbox().map(\.template) == ["welcome"])
      }
    }
  }

  @Test("what the service says by itself it says in English and German, to the inbox, too", arguments: Engine.available)
  func inbox(_ engine: Engine) async throws {
    for (name, template) in try BuiltInTemplates.compiled() {
      #expect(template.texts.keys.sorted() == ["de", "en"], "\(name)")
    }
    try await NotificationFixture.run(on: engine, { $0.channels = [.email, .inApp, .sms] }) { notes in
      let user = notes.recipients.add("ada@example.org", locale: "de")
      let order = notes.orders.add(of: user)
      for _ in 0..<2 { try await notes.confirmed(order, of: user) }
      try await notes.hear(AuthEvents.passwordChanged, AccountEvent(accountID: user))
      #expect(try await notes.deliver() == 3, "an order by both channels, a password by the one that has words for it")
      let items = try await notes.send(NotificationAPI.inbox, token: FakeVerifier.token(of: user)).value.items
      #expect(items.map(\.title) == ["Ihre Bestellung 7K3MQ-2XF9A ist bestätigt"])
      #expect(items.first?.about == order.lowercased)
      // Who has no account has no inbox.
      let made = try await notes.notify(["template": "welcome", "address": "bob@example.org"]).value
      #expect(made.deliveries.map(\.channel) == [.known(.email)])
    }
  }

  @Test("a recipient who reads German gets German, and one who reads Finnish the default", arguments: Engine.available)
  func language(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      for (address, locale, subject) in [
        ("a@example.org", "de-AT", "Ihre Bestellung 7K3MQ-2XF9A ist bestätigt"),
        ("b@example.org", "fi", "Your order 7K3MQ-2XF9A is confirmed"),
        ("c@example.org", nil, "Your order 7K3MQ-2XF9A is confirmed"),
      ] {
        let user = notes.recipients.add(address, locale: locale)
        try await notes.confirmed(notes.orders.add(of: user), of: user)
        try await notes.deliver()
        let mail = try #require(try await notes.outbox("recipient=\(address)").first)
        #expect(mail.subject == subject)
        if locale == "de-AT" { #expect(mail.body.contains("Summe: 2.598,07\u{A0}EUR") && mail.locale == "de") }
      }
    }
  }

  @Test("an order that is somebody else's is not told", arguments: Engine.available)
  func owner(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let (ada, bob) = (notes.recipients.add("ada@example.org"), notes.recipients.add("bob@example.org"))
      try await notes.confirmed(notes.orders.add(of: bob), of: ada)
      try await notes.deliver()
      #expect(notes.mail.mails.isEmpty)
      let dead = try await notes.notifications("state=dead_lettered")
      #expect(dead.first?.deliveries.first?.reason == "not_the_owner")
    }
  }

  @Test("from the broker to the mail, with everything that runs by itself", arguments: Engine.available)
  func wired(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      try await engine.withDatabase(DatabaseBroker.migrations) { queues in
        let broker = DatabaseBroker(database: queues, logger: .silent)
        let user = notes.recipients.add("ada@example.org")
        let orders = (0..<20).map { _ in notes.orders.add(of: user) }
        let consumer = EventConsumer(
          service: NotificationAPI.service, family: "order", handlers: notes.service.events.ofOrders,
          database: notes.database, broker: broker, logger: .silent)
        let services = ServiceGroup(services: [notes.service.tasks, consumer], logger: .silent)
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { try await broker.run() }
          group.addTask { try await services.run() }
          try await eventually("the queue is there") { try await broker.depth(of: "notification.order") != nil }
          let messages = try orders.flatMap { order in
            let event = CloudEvent(
              id: OrderedIDs.next(), source: "/order", type: OrderEvents.orderConfirmed.name,
              subject: order.lowercased, time: Date(), sequence: 1, traceparent: nil,
              data: Array(try WireFormat.makeEncoder().encode(OrderEvent(orderID: order, userID: user))))
            return [event.message, event.message]
          }
          _ = try await broker.publish(Array(messages))
          _ = try await broker.publish(Array(messages))
          try await eventually("every order has its mail") { try await notes.outbox().count == orders.count }
          #expect(Set(notes.mail.mails.map(\.id)).count == orders.count)
          await services.triggerGracefulShutdown()
          _ = try await group.next()
          group.cancelAll()
        }
        #expect(try await notes.count("deliveries") == orders.count)
      }
    }
  }
}
