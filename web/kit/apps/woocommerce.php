<?php
/**
 * What does the plugin print? WordPress and WooCommerce as far as the plugin asks for them, with a hostile catalogue.
 *
 * php woocommerce.php PLUGIN > JSON
 */

define( 'ABSPATH', '/' );
const HOSTILE = '"><script>alert(1)</script>';

$hooks      = array();
$shortcodes = array();
function add_action( $name, $callback, $priority = 10, $arguments = 1 ) {
	$GLOBALS['hooks'][ $name ][ $priority ][] = $callback;
}
function add_filter( $name, $callback, $priority = 10, $arguments = 1 ) {
	add_action( $name, $callback, $priority );
}
/** As WordPress does it: what was not added before is not removed, and comes later all the same. */
function remove_action( $name, $callback, $priority = 10 ) {
	$GLOBALS['hooks'][ $name ][ $priority ] = array_filter(
		$GLOBALS['hooks'][ $name ][ $priority ] ?? array(),
		function ( $each ) use ( $callback ) {
			return $each !== $callback;
		}
	);
}
/** Callbacks in the order of their priorities. */
function callbacks( $name ) {
	$hooks = $GLOBALS['hooks'][ $name ] ?? array();
	ksort( $hooks );
	return array_merge( ...array_values( $hooks ) );
}
function add_shortcode( $name, $callback ) {
	$GLOBALS['shortcodes'][ $name ] = $callback;
}
function apply_filters( $name, $value, ...$more ) {
	foreach ( callbacks( $name ) as $callback ) {
		$value = $callback( $value, ...$more );
	}
	return $value;
}
function shortcode_atts( $defaults, $given, $name ) {
	return array_merge( $defaults, array_intersect_key( $given, $defaults ) );
}
function is_admin() {
	return false;
}
function home_url( $path, $scheme = null ) {
	return $path;
}
function plugins_url( $path, $file ) {
	return '/wp-content/plugins/vitrine/' . $path;
}
function __( $text, $domain ) {
	return $text;
}
function get_locale() {
	return 'de_AT';
}
function get_the_permalink() {
	return 'https://shop.example/?p=1&x=' . HOSTILE;
}
function absint( $value ) {
	return abs( (int) $value );
}
function esc_attr( $text ) {
	return htmlspecialchars( (string) $text, ENT_QUOTES );
}
function esc_html( $text ) {
	return htmlspecialchars( (string) $text, ENT_QUOTES );
}
function esc_url( $address ) {
	return preg_match( '#^(https?://|/)#', $address ) ? str_replace( array( '"', '<', '>', "'" ), '', $address ) : '';
}
function wp_kses_post( $html ) {
	return preg_replace( '#</?script[^>]*>#', '', $html );
}
function wp_print_script_tag( $attributes ) {
	echo '<script';
	foreach ( $attributes as $name => $value ) {
		echo true === $value ? " $name" : sprintf( ' %s="%s"', $name, esc_attr( $value ) );
	}
	echo '></script>';
}

class WC_Product {
	private $id;
	private $parent_id;
	public function __construct( $id, $parent_id = 0 ) {
		$this->id        = $id;
		$this->parent_id = $parent_id;
	}
	public function get_id() {
		return $this->id;
	}
	public function get_parent_id() {
		return $this->parent_id;
	}
	public function get_name() {
		return 'Coat ' . $this->id . HOSTILE;
	}
	public function get_permalink() {
		return 3 === $this->id ? 'javascript:alert(1)' : '/product/' . $this->id;
	}
	public function get_image() {
		return '<img src="/images/' . $this->id . '.jpg" alt=""><script>alert(2)</script>';
	}
	public function get_price_html() {
		return '<span class="amount">10 €</span><script>alert(3)</script>';
	}
	public function supports( $what ) {
		return 2 !== $this->id;
	}
	public function is_purchasable() {
		return true;
	}
	public function is_in_stock() {
		return true;
	}
}
class Line {
	public function get_product() {
		return new WC_Product( 71, 7 );
	}
	public function get_quantity() {
		return 2;
	}
}
class Order {
	public function get_items() {
		return array( 501 => new Line() );
	}
}
class Cart {
	public function get_cart_item( $key ) {
		return 'known' === $key ? array( 'data' => new WC_Product( 9 ) ) : array();
	}
}
class Shop {
	public $cart;
}
function WC() {
	$shop       = new Shop();
	$shop->cart = new Cart();
	return $shop;
}
function wc_get_order( $id ) {
	return 1 === $id ? new Order() : false;
}
function wc_get_products( $query ) {
	$GLOBALS['query'] = $query;
	return array_map(
		function ( $id ) {
			return new WC_Product( $id );
		},
		range( 1, $query['limit'] )
	);
}

function woocommerce_template_loop_product_link_open() {
	echo '<a href="/of-woocommerce">';
}
function woocommerce_output_related_products() {
	echo '<section class="related">Related products</section>';
}

// Plugins are loaded in the order of their names: this one before WooCommerce, which adds what it shows then.
require $argv[1];
add_action( 'woocommerce_before_shop_loop_item', 'woocommerce_template_loop_product_link_open', 10 );
add_action( 'woocommerce_after_single_product_summary', 'woocommerce_output_related_products', 20 );

function printed( $hook, ...$arguments ) {
	ob_start();
	foreach ( callbacks( $hook ) as $callback ) {
		$callback( ...$arguments );
	}
	return ob_get_clean();
}

$product = new WC_Product( 1 );
printed( 'init' );
$result = array(
	'head'        => printed( 'wp_head' ),
	'product'     => printed( 'woocommerce_before_single_product' ),
	'tile'        => printed( 'woocommerce_before_shop_loop_item' ),
	'related'     => printed( 'woocommerce_after_single_product_summary' ),
	'thanks'      => printed( 'woocommerce_thankyou', 1 ),
	'no_order'    => printed( 'woocommerce_thankyou', 2 ),
	'row'         => $shortcodes['vitrine']( array( 'heading' => HOSTILE, 'placement' => HOSTILE, 'limit' => '3' ) ),
	'plain_row'   => $shortcodes['vitrine']( '' ),
	'huge_row'    => substr_count( $shortcodes['vitrine']( array( 'limit' => '9999' ) ), '<li ' ),
	'button'      => apply_filters( 'woocommerce_loop_add_to_cart_args', array( 'attributes' => array() ), new WC_Product( 1 ) ),
	'no_button'   => apply_filters( 'woocommerce_loop_add_to_cart_args', array( 'attributes' => array() ), new WC_Product( 2 ) ),
	'remove'      => apply_filters( 'woocommerce_cart_item_remove_link', '<a href="#" class="remove" data-product_id="9">×</a>', 'known' ),
	'remove_none' => apply_filters( 'woocommerce_cart_item_remove_link', '<a href="#">×</a>', 'unknown' ),
);
// A shop of SKUs, with consent by TCF.
add_filter(
	'vitrine_item_id',
	function ( $id ) {
		return 'SKU-' . $id . HOSTILE;
	}
);
add_filter(
	'vitrine_settings',
	function ( $settings ) {
		return array_merge( $settings, array( 'consent' => 'tcf', 'sources' => 'ga4 meta', 'rules' => '/vitrine/rules.json' ) );
	}
);
$result['own_head']    = printed( 'wp_head' );
$result['own_product'] = printed( 'woocommerce_before_single_product' );
$result['own_row']     = $shortcodes['vitrine']( array( 'seed' => 'SKU-1' . HOSTILE ) );
echo json_encode( $result );
