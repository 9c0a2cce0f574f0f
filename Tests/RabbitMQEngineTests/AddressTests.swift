import GravityEvents
import Testing

@testable import RabbitMQEngine

@Suite("The URL of a RabbitMQ broker")
struct AddressTests {
  @Test("is taken apart, and what it leaves open is filled in")
  func parts() throws {
    let plain = try BrokerAddress("amqp://rabbit.example")
    #expect((plain.host, plain.port, plain.user, plain.password) == ("rabbit.example", 5672, "guest", "guest"))
    #expect(plain.virtualHost == "/")
    #expect(plain.tls == nil)
    let full = try BrokerAddress("amqp://us%40er:p%2Fss%3A%C3%BC@[::1]:7/a%2Fb?heartbeat=7")
    #expect((full.host, full.port, full.user, full.password) == ("::1", 7, "us@er", "p/ss:ü"))
    #expect(full.virtualHost == "a/b")
    #expect(full.heartbeat == .seconds(7))
    #expect(try BrokerAddress("amqp://h/").virtualHost == "/")
    #expect(try BrokerAddress("amqp://h/%2F").virtualHost == "/")
    let tls = try BrokerAddress("amqps://h/v?cacertfile=/ca.pem&certfile=/c.pem&keyfile=/k.pem")
    #expect(tls.port == 5671)
    #expect(tls.tls?.authorities == "/ca.pem")
    #expect(tls.tls?.certificate == "/c.pem")
    #expect(tls.tls?.key == "/k.pem")
  }

  @Test(
    "is refused when it is none, without the password",
    arguments: [
      "", "rabbit", "http://u:s3cret@h/", "amqp://u:s3cret@/", "amqp://u:s3cret@h:99999/", "amqp://u:s3cret@h/a/b",
      "amqp://u:s3cret@h/?x=s3cret", "amqp://u:s3cret@h/?heartbeat=0", "amqp://u:s3cret@h/?cacertfile=/ca.pem",
      "amqps://u:s3cret@h/?certfile=/c.pem", "amqp://u:s3cret#@h/", "amqp://u:s3cret%00@h/", "amqp://u:s3cret%zz@h/",
      "amqp://u:s3cret@h/%FF",
    ])
  func refused(_ url: String) throws {
    let error = #expect(throws: BrokerError.self) { try BrokerAddress(url) }
    guard case .invalid(let text)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(!text.contains("s3cret"))
  }
}
