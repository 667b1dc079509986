// The examples of the first pages with the official Go SDK: steps, state with one writer, rollback by hand.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	restate "github.com/restatedev/sdk-go"
	"github.com/restatedev/sdk-go/server"
)

// note writes down an effect on the world; one write, so that lines never mix.
func note(format string, values ...any) error {
	file, err := os.OpenFile(os.Getenv("HOLDFAST_EXAMPLES_LOG"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = fmt.Fprintf(file, format+"\n", values...)
	return err
}

type Item struct {
	ID       string `json:"id"`
	Quantity int    `json:"quantity"`
}

type Order struct {
	CreditCard string `json:"creditCard"`
	Items      []Item `json:"items"`
}

type OrderResult struct {
	Success   bool   `json:"success"`
	PaymentID string `json:"paymentId"`
}

type OrderService struct{}

func (OrderService) Process(ctx restate.Context, order Order) (OrderResult, error) {
	paymentID := restate.UUID(ctx).String()
	_, err := restate.Run(ctx, func(ctx restate.RunContext) (restate.Void, error) {
		return restate.Void{}, note("charged %s %s", order.CreditCard, paymentID)
	}, restate.WithName("charge"))
	if err != nil {
		return OrderResult{}, err
	}
	for _, item := range order.Items {
		_, err := restate.Run(ctx, func(ctx restate.RunContext) (restate.Void, error) {
			return restate.Void{}, note("reserved %s %s %d", order.CreditCard, item.ID, item.Quantity)
		}, restate.WithName("reserve"))
		if err != nil {
			return OrderResult{}, err
		}
	}
	return OrderResult{Success: true, PaymentID: paymentID}, nil
}

type UserAccount struct{}

func (UserAccount) UpdateBalance(ctx restate.ObjectContext, amount float64) (float64, error) {
	balance, err := restate.Get[float64](ctx, "balance")
	if err != nil {
		return 0, err
	}
	if balance+amount < 0 {
		return 0, restate.TerminalErrorf("insufficient funds")
	}
	restate.Set(ctx, "balance", balance+amount)
	return balance + amount, nil
}

func (UserAccount) GetBalance(ctx restate.ObjectSharedContext) (float64, error) {
	return restate.Get[float64](ctx, "balance")
}

type Update struct {
	User        string   `json:"user"`
	Permissions []string `json:"permissions"`
}

type RoleUpdate struct{}

func grant(user string, permission string) (restate.Void, error) {
	if permission == "root" {
		return restate.Void{}, restate.ToTerminalError(errors.New("nobody may grant 'root'"), restate.WithErrorCode(403))
	}
	return restate.Void{}, note("granted %s %s", user, permission)
}

func (RoleUpdate) Update(ctx restate.Context, update Update) error {
	granted := []string{}
	for _, permission := range update.Permissions {
		_, err := restate.Run(ctx, func(ctx restate.RunContext) (restate.Void, error) {
			return grant(update.User, permission)
		})
		if err == nil {
			granted = append(granted, permission)
			continue
		}
		for _, undone := range granted {
			_, failed := restate.Run(ctx, func(ctx restate.RunContext) (restate.Void, error) {
				return restate.Void{}, note("revoked %s %s", update.User, undone)
			})
			if failed != nil {
				return failed
			}
		}
		return err
	}
	return nil
}

func main() {
	endpoint := server.NewRestate().
		Bind(restate.Reflect(OrderService{})).
		Bind(restate.Reflect(UserAccount{})).
		Bind(restate.Reflect(RoleUpdate{}))
	if err := endpoint.Start(context.Background(), "127.0.0.1:"+os.Args[1]); err != nil {
		log.Fatal(err)
	}
}
