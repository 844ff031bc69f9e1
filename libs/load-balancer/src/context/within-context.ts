import { Observable } from 'rxjs';
import { RequestContext } from './request-context.js';

/**
 * An Observable that is made and subscribed to within `context`, so that whatever it starts, then or later,
 * finds it: a context that was only open while the Observable is handed out would be gone by then.
 */
export function withinContext<T>(context: RequestContext, make: () => Observable<T>): Observable<T> {
  return new Observable<T>((subscriber) => RequestContext.run(context, () => make().subscribe(subscriber)));
}
