package languages;

import dev.restate.sdk.endpoint.Endpoint;
import dev.restate.sdk.http.vertx.RestateHttpServer;

/** Serves the examples on the port that is given. */
public final class Main {
  private Main() {}

  public static void main(String[] arguments) {
    Endpoint endpoint =
        Endpoint.bind(new OrderService()).bind(new UserAccount()).bind(new RoleUpdate()).build();
    RestateHttpServer.listen(endpoint, Integer.parseInt(arguments[0]));
  }
}
