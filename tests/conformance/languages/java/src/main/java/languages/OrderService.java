package languages;

import dev.restate.sdk.Context;
import dev.restate.sdk.annotation.Handler;
import dev.restate.sdk.annotation.Service;
import java.util.List;

/** Durable execution: each step happens once. */
@Service
public class OrderService {
  public record Item(String id, int quantity) {}

  public record Order(String creditCard, List<Item> items) {}

  public record OrderResult(boolean success, String paymentId) {}

  @Handler
  public OrderResult process(Context ctx, Order order) {
    String paymentId = ctx.random().nextUUID().toString();
    ctx.run("charge", () -> World.note("charged " + order.creditCard() + " " + paymentId));
    for (Item item : order.items()) {
      ctx.run(
          "reserve",
          () -> World.note("reserved " + order.creditCard() + " " + item.id() + " " + item.quantity()));
    }
    return new OrderResult(true, paymentId);
  }
}
