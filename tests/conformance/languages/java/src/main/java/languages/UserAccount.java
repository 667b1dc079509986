package languages;

import dev.restate.sdk.ObjectContext;
import dev.restate.sdk.SharedObjectContext;
import dev.restate.sdk.annotation.Handler;
import dev.restate.sdk.annotation.Shared;
import dev.restate.sdk.annotation.VirtualObject;
import dev.restate.sdk.common.StateKey;
import dev.restate.sdk.common.TerminalException;

/** State with one writer. */
@VirtualObject
public class UserAccount {
  private static final StateKey<Double> BALANCE = StateKey.of("balance", Double.class);

  @Handler
  public double updateBalance(ObjectContext ctx, double amount) {
    double balance = ctx.get(BALANCE).orElse(0.0) + amount;
    if (balance < 0) {
      throw new TerminalException("insufficient funds");
    }
    ctx.set(BALANCE, balance);
    return balance;
  }

  @Shared
  public double getBalance(SharedObjectContext ctx) {
    return ctx.get(BALANCE).orElse(0.0);
  }
}
